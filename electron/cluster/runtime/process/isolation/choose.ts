import type { Logger } from '../../../base/logger.ts'
import { openBubblewrap } from './bubblewrap.ts'
import { hostIsolation } from './host.ts'
import type { Isolation, IsolationOptions } from './isolation.ts'
import { openUnshare } from './unshare.ts'

export interface ChoiceOptions extends IsolationOptions {
  logger: Logger
  /** Default: the best that this machine allows. One that is named and may not run is an error. */
  wanted?: Isolation['kind'] | undefined
  /** See `hostIsolation`. */
  shared: readonly string[]
}

const drivers = { bubblewrap: openBubblewrap, unshare: openUnshare }

export async function chooseIsolation(options: ChoiceOptions): Promise<Isolation> {
  const { logger, wanted } = options
  if (wanted === 'none') return hostIsolation({ ...options, why: 'it was chosen' })
  if (process.platform !== 'linux') return hostIsolation({ ...options, why: `${process.platform} has no namespaces` })
  const reasons: string[] = []
  for (const kind of preferred()) {
    if (wanted !== undefined && wanted !== kind) continue
    try {
      return await drivers[kind](options)
    } catch (error) {
      const why = (error as Error).message.trim().split('\n').at(-1)!
      if (wanted) throw new Error(`containers cannot be isolated by ${kind} here: ${why}`, { cause: error })
      reasons.push(`${kind}: ${why}`)
    }
  }
  const why = reasons.join('; ')
  logger.warn('containers are not isolated', { why })
  return hostIsolation({ ...options, why })
}

/** Bubblewrap starts faster; but only `unshare` gives others than root containers with users of their own. */
const preferred = (): (keyof typeof drivers)[] =>
  process.getuid?.() === 0 ? ['bubblewrap', 'unshare'] : ['unshare', 'bubblewrap']
