import type { LimitRange } from '../../registry/core/limit-range.ts'
import type { Container, Pod } from '../../registry/core/pod/types.ts'
import { entries, metaOf } from '../../registry/loose.ts'

type List = Record<string, string>

const annotation = 'kubernetes.io/limit-ranger'

/** What containers get that say nothing. */
function defaultsOf({ spec }: LimitRange): { requests: List; limits: List } {
  const requests: List = {}
  const limits: List = {}
  for (const { type, default: most, defaultRequest } of spec?.limits ?? []) {
    if (type !== 'Container') continue
    Object.assign(requests, Object.fromEntries(entries(defaultRequest)))
    Object.assign(limits, Object.fromEntries(entries(most)))
  }
  return { requests, limits }
}

/** Adds what is missing; the answer names it. */
function fill(container: Container, defaults: { requests: List; limits: List }, sort: string): string[] {
  const texts: string[] = []
  const resources = (container.resources ??= {})
  for (const [part, word] of [
    ['requests', 'request'],
    ['limits', 'limit'],
  ] as const) {
    const given = resources[part] ?? {}
    const missing = Object.keys(defaults[part])
      .filter((name) => given[name] === undefined)
      .sort()
    if (!missing.length) continue
    resources[part] = { ...given, ...Object.fromEntries(missing.map((name) => [name, defaults[part][name]])) }
    texts.push(`${missing.join(', ')} ${word} for ${sort} ${container.name ?? ''}`)
  }
  return texts
}

/** Source: LimitRanger's PodMutateLimitFunc. */
export function applyDefaults(range: LimitRange, pod: Pod): void {
  const defaults = defaultsOf(range)
  const texts = [
    ...(pod.spec?.containers ?? []).flatMap((container) => fill(container, defaults, 'container')),
    ...(pod.spec?.initContainers ?? []).flatMap((container) => fill(container, defaults, 'init container')),
  ]
  if (!texts.length) return
  const metadata = metaOf(pod)
  metadata.annotations = { ...metadata.annotations, [annotation]: `LimitRanger plugin set: ${texts.join('; ')}` }
}
