import { t } from '../../app/i18n.ts'
import type { AccessSubject } from '#shared/ipc/access.ts'

const known = new Set(['system:authenticated', 'system:unauthenticated', 'system:serviceaccounts', 'system:masters'])

/** Who is in a group that Kubernetes itself fills; undefined where a login says. */
export function memberText({ kind, name }: AccessSubject): string | undefined {
  if (kind !== 'Group') return undefined
  const namespace = /^system:serviceaccounts:(.+)$/.exec(name)?.[1]
  if (namespace) return t('access.member.accounts', { namespace })
  return known.has(name) ? t(`access.member.${name}`) : undefined
}
