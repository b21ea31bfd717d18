import type { Service } from 'kubernetes-types/core/v1'

export interface PortView {
  name: string | undefined
  port: number
  target: string
  nodePort: number | undefined
  protocol: string
  /** Where a browser finds it without forwarding. */
  url: string | undefined
}

const looksHttps = (name: string | undefined, port: number): boolean =>
  port === 443 || port === 8443 || /https/i.test(name ?? '')

/** A service's ports, and for load balancers the address at which each answers. */
export function servicePorts({ spec, status }: Service): PortView[] {
  const ingress = status?.loadBalancer?.ingress?.[0]
  const host = ingress?.hostname ?? ingress?.ip
  return (spec?.ports ?? []).map(({ name, port, targetPort, nodePort, protocol = 'TCP' }) => {
    // A load balancer that could not bind the wanted port says which one it took.
    const given = ingress?.ports?.find((one) => one.protocol === protocol)?.port ?? port
    const scheme = looksHttps(name, port) ? 'https' : 'http'
    const shown = host?.includes(':') ? `[${host}]` : host
    const plain = (scheme === 'http' && given === 80) || (scheme === 'https' && given === 443)
    return {
      name,
      port,
      target: String(targetPort ?? port),
      nodePort,
      protocol,
      url: shown && protocol === 'TCP' ? `${scheme}://${shown}${plain ? '' : `:${given}`}/` : undefined,
    }
  })
}

export const externalAddresses = ({ status, spec }: Service): string[] => [
  ...(status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => hostname ?? ip ?? ''),
  ...(spec?.externalIPs ?? []),
  ...(spec?.externalName ? [spec.externalName] : []),
]
