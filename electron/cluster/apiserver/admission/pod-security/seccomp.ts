import type { PodSecurityContext } from '../../registry/core/pod/types.ts'
import { named, quoted, setters, sorted, type Check, type Subject, type Violation } from './check.ts'

type Context = Pick<PodSecurityContext, 'seccompProfile'> | undefined

const good = new Set<string | undefined>(['Localhost', 'RuntimeDefault'])
const isBad = (context: Context): boolean =>
  context?.seccompProfile !== undefined && !good.has(context.seccompProfile.type)

function badlySet({ spec, containers }: Subject): Violation | undefined {
  const bad = containers.filter(({ securityContext }) => isBad(securityContext))
  const podIsBad = isBad(spec.securityContext)
  if (!podIsBad && !bad.length) return undefined
  const contexts = [...(podIsBad ? [spec.securityContext] : []), ...bad.map(({ securityContext }) => securityContext)]
  const values = sorted(contexts.map((context) => context?.seccompProfile?.type ?? ''))
  const who = setters(podIsBad, bad)
  return {
    reason: 'seccompProfile',
    detail: `${who} must not set securityContext.seccompProfile.type to ${quoted(values)}`,
  }
}

export const seccompBaseline: Check = { since: 19, overlapped: true, violation: badlySet }

export const seccompRestricted: Check = {
  since: 19,
  violation(subject, minor) {
    if (minor >= 25 && subject.spec.os?.name === 'windows') return undefined
    const bad = badlySet(subject)
    if (bad) return bad
    if (subject.spec.securityContext?.seccompProfile) return undefined
    const silent = subject.containers.filter(({ securityContext }) => !securityContext?.seccompProfile)
    if (!silent.length) return undefined
    const detail = `pod or ${named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`
    return { reason: 'seccompProfile', detail }
  },
}
