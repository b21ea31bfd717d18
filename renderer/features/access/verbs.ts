import { t } from '../../app/i18n.ts'
import { kindId } from '../../data/kinds.ts'
import type { Right } from '#shared/kube/rbac.ts'

/** Verbs with a column of their own. */
export const shownVerbs = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'] as const

/** Verbs to choose from: the usual ones, and those that mean something to one kind. */
export const knownVerbs = [
  ...shownVerbs,
  'deletecollection',
  'impersonate',
  'bind',
  'escalate',
  'approve',
  'sign',
  'use',
  '*',
] as const

/** `deployments.apps/scale`, `/metrics`, `*`: as kubectl writes it. */
export function resourceText({ group, resource, path }: Right): string {
  if (path) return path
  const [plural = '', subresource] = resource.split('/')
  return `${kindId({ group, plural })}${subresource ? `/${subresource}` : ''}`
}

/** All of them, in words. */
export const verbText = ({ verbs }: Right): string => (verbs.includes('*') ? t('access.everything') : verbs.join(', '))

export function otherVerbs({ verbs }: Right): string {
  if (verbs.includes('*')) return t('access.everything')
  return verbs.filter((verb) => !(shownVerbs as readonly string[]).includes(verb)).join(', ')
}
