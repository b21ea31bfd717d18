import { metaTypes } from '../table.ts'
import type { GroupVersionKind, ServedKind } from './api.ts'
import { listTypeOf } from './operations.ts'

/** Which kinds a type stands for: what clients look up with x-kubernetes-group-version-kind. */
export function kindIndex(kinds: readonly ServedKind[]): (type: string) => readonly GroupVersionKind[] {
  const index = new Map<string, GroupVersionKind[]>()
  const add = (type: string, kind: GroupVersionKind) => {
    const known = index.get(type) ?? []
    if (
      !known.some((other) => other.group === kind.group && other.version === kind.version && other.kind === kind.kind)
    )
      index.set(type, [...known, kind])
  }
  const versions = new Map(kinds.map(({ group, version }) => [`${group}/${version}`, { group, version }]))
  for (const gv of [{ group: '', version: 'v1' }, ...versions.values()])
    add(metaTypes.deleteOptions, { ...gv, kind: 'DeleteOptions' })
  add(metaTypes.status, { group: '', version: 'v1', kind: 'Status' })
  for (const kind of kinds) {
    const { group, version } = kind
    add(kind.type, { group, version, kind: kind.kind })
    add(listTypeOf(kind), { group, version, kind: kind.listKind ?? `${kind.kind}List` })
    for (const sub of kind.subresources ?? [])
      if (sub.type && sub.type !== kind.type)
        add(sub.type, {
          group: sub.group ?? (sub.version ? '' : group),
          version: sub.version ?? version,
          kind: sub.kind,
        })
  }
  return (type) => index.get(type) ?? []
}
