import { ageColumn, columnsOf, nameColumn } from '../../columns/common.ts'
import { formatLabels } from '../../columns/format.ts'
import type { Column } from '../../kind.ts'
import type { Service } from './types.ts'

const column = columnsOf<Service>('Service')

export const serviceColumns: readonly Column<Service>[] = [
  nameColumn,
  column('Type', ({ spec }) => spec?.type ?? ''),
  column('Cluster-IP', ({ spec }) => spec?.clusterIPs?.[0] ?? '<none>'),
  column('External-IP', externalIps),
  column('Port(s)', ports),
  ageColumn,
  column('Selector', ({ spec }) => formatLabels(spec?.selector), { wide: true }),
]

function externalIps({ spec = {}, status }: Service): string {
  const external = spec.externalIPs ?? []
  if (spec.type === 'ExternalName') return spec.externalName ?? ''
  if (spec.type !== 'LoadBalancer') return external.length ? external.join(',') : '<none>'
  const balanced = (status?.loadBalancer?.ingress ?? [])
    .map(({ ip, hostname }) => ip || hostname || '')
    .filter((text) => text)
  const all = [...balanced, ...external]
  return all.length ? all.join(',') : '<pending>'
}

function ports({ spec }: Service): string {
  const list = (spec?.ports ?? []).map(
    ({ port = 0, nodePort, protocol = '' }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`,
  )
  return list.length ? list.join(',') : '<none>'
}
