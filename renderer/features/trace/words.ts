import { t } from '../../app/i18n.ts'
import { messages } from './messages.ts'

const known = (action: string): boolean => Object.hasOwn(messages.verb, action)

/** What was done, as the end of a sentence about this object: `scaled it`. What agents report keeps its own word. */
export const deed = (action: string): string => (known(action) ? t(`trace.action.${action}`) : action)

/** The same before the name of an object: `scaled`. */
export const verb = (action: string): string => (known(action) ? t(`trace.verb.${action}`) : action)
