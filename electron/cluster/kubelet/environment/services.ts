import type { Service } from '../types.ts'

const variable = (name: string): string => name.toUpperCase().replaceAll('-', '_')

/**
 * The Docker-link style variables of services: FOO_SERVICE_HOST, FOO_SERVICE_PORT, FOO_PORT_80_TCP…
 * Source: kubelet/envvars.FromServices.
 */
export function serviceVariables(services: Iterable<Service>): Map<string, string> {
  const variables = new Map<string, string>()
  for (const { metadata, spec } of services) {
    const ip = spec?.clusterIP
    if (!ip || ip === 'None' || !spec.ports?.length) continue
    const prefix = variable(metadata?.name ?? '')
    variables.set(`${prefix}_SERVICE_HOST`, ip)
    variables.set(`${prefix}_SERVICE_PORT`, String(spec.ports[0]!.port))
    for (const { name, port } of spec.ports) {
      if (name) variables.set(`${prefix}_SERVICE_PORT_${variable(name)}`, String(port))
    }
    const host = ip.includes(':') ? `[${ip}]` : ip
    spec.ports.forEach(({ port, protocol = 'TCP' }, index) => {
      const url = `${protocol.toLowerCase()}://${host}:${port}`
      const link = `${prefix}_PORT_${port}_${protocol.toUpperCase()}`
      if (index === 0) variables.set(`${prefix}_PORT`, url)
      variables.set(link, url)
      variables.set(`${link}_PROTO`, protocol.toLowerCase())
      variables.set(`${link}_PORT`, String(port))
      variables.set(`${link}_ADDR`, ip)
    })
  }
  return variables
}

/** The services a pod sees as variables: those of its namespace unless it wants none, and always the API server. */
export function visibleServices(
  services: Iterable<Service>,
  namespace: string,
  enableServiceLinks: boolean,
): Service[] {
  const visible = new Map<string, Service>()
  for (const service of services) {
    const { name = '', namespace: home } = service.metadata ?? {}
    const api = home === 'default' && name === 'kubernetes'
    if (api ? !visible.has(name) : enableServiceLinks && home === namespace) visible.set(name, service)
  }
  return [...visible.values()]
}
