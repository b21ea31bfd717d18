import type { StoredKind } from '../apiserver/storage/objects-at-rest.ts'
import type { Dump } from '../store/dump.ts'

interface Definition {
  spec: {
    group: string
    names: { kind: string; plural: string }
    versions: readonly { name: string; storage: boolean }[]
  }
}

/** The kinds that the definitions in a dump define: their objects are stored before any server serves them. */
export function customKinds({ entries }: Dump): StoredKind[] {
  return entries
    .filter(({ key }) => key.startsWith('/registry/apiextensions.k8s.io/customresourcedefinitions/'))
    .map(({ value }) => {
      const { group, names, versions } = (JSON.parse(value.toString()) as Definition).spec
      const version = versions.find(({ storage }) => storage)?.name ?? ''
      return { group, version, ...names, type: '', storagePrefix: `${group}/${names.plural}` }
    })
}
