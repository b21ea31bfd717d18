import type { Pod, Service } from 'kubernetes-types/core/v1'

export interface RemotePort {
  name: string | undefined
  port: number
}

/** The TCP ports that an object declares. */
export function remotePorts(plural: string, object: Pod | Service): RemotePort[] {
  if (plural === 'services') {
    return ((object as Service).spec?.ports ?? [])
      .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
      .map(({ name, port }) => ({ name, port }))
  }
  return ((object as Pod).spec?.containers ?? [])
    .flatMap(({ ports = [] }) => ports)
    .filter(({ protocol = 'TCP' }) => protocol === 'TCP')
    .map(({ name, containerPort }) => ({ name, port: containerPort }))
}

export function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0
  return port >= 1 && port <= 65_535 ? port : undefined
}
