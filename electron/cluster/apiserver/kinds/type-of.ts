import { findType } from '../../schema/table.ts'
import type { KindIndex } from './kind-index.ts'

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.'

/** The type in the schema table of what an envelope says it holds: an object, a list, or something of every group. */
export function typeOf(kinds: KindIndex, apiVersion: string, kind: string): string | undefined {
  const [version = '', group = ''] = apiVersion.split('/').reverse()
  const found = kinds.ofKind(group, version, kind)
  if (found) return found.definition.custom ? undefined : found.definition.type
  const listed = kind.endsWith('List') ? kinds.ofKind(group, version, kind.slice(0, -'List'.length)) : undefined
  const type = listed && !listed.definition.custom ? `${listed.definition.type}List` : meta + kind
  return findType(type) && type
}
