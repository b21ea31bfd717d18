import type { Service } from 'kubernetes-types/core/v1'
import type { Tone } from '#shared/ipc/queries.ts'
import { column, labelsCell, shape } from './define.ts'

function external({ spec, status }: Service): string | null {
  const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '')
  if (spec?.type === 'LoadBalancer') return given.join(', ') || '(pending)'
  if (spec?.type === 'ExternalName') return spec.externalName ?? null
  return spec?.externalIPs?.join(', ') ?? null
}

const ports = ({ spec }: Service): string =>
  (spec?.ports ?? [])
    .map(({ port, nodePort, protocol = 'TCP' }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`)
    .join(', ')

const tone = ({ metadata, spec, status }: Service): Tone => {
  if (metadata?.deletionTimestamp) return 'busy'
  return spec?.type === 'LoadBalancer' && !status?.loadBalancer?.ingress?.length ? 'busy' : 'ok'
}

export const services = shape<Service>(
  [
    column('type', 'Type', 'text', ({ spec }) => spec?.type ?? null),
    column(
      'status',
      'Status',
      'status',
      (service) =>
        tone(service) === 'ok' ? 'Active' : service.metadata?.deletionTimestamp ? 'Terminating' : 'Pending',
      1,
    ),
    column('cluster-ip', 'Cluster IP', 'text', ({ spec }) => spec?.clusterIP ?? null),
    column('external', 'External', 'text', external),
    column('ports', 'Ports', 'text', ports),
    column('selector', 'Selector', 'labels', ({ spec }) => labelsCell(spec?.selector)),
    column('labels', 'Labels', 'labels', ({ metadata }) => labelsCell(metadata?.labels), 1),
  ],
  tone,
)
