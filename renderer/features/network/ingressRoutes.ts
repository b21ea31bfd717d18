import type { Ingress, IngressBackend } from 'kubernetes-types/networking/v1'

export interface RouteView {
  /** Undefined: what no rule has. */
  path: string | undefined
  host: string | undefined
  backend: string
  /** Where a browser finds it; undefined while there is no address. */
  url: string | undefined
}

const isWildcard = (host: string | undefined): boolean => host?.startsWith('*.') ?? false

/** The routes of an Ingress, and the address at which each answers. */
export function ingressRoutes({ spec, status }: Ingress): RouteView[] {
  const address = status?.loadBalancer?.ingress?.[0]
  const secured = new Set(
    spec?.tls?.flatMap(({ hosts }) => hosts ?? spec.rules?.map(({ host = '' }) => host) ?? []) ?? [],
  )
  const urlOf = (host: string | undefined, path: string): string | undefined => {
    const name = host ?? address?.hostname ?? address?.ip
    if (!address || !name || isWildcard(host)) return undefined
    const [scheme, usual, place] = secured.has(host ?? '') ? (['https', 443, 1] as const) : (['http', 80, 0] as const)
    // A controller that could not bind the usual port says which one it took, in the same order.
    const port = address.ports?.some((each) => each.port === usual) ? usual : (address.ports?.[place]?.port ?? usual)
    return `${scheme}://${name}${port === usual ? '' : `:${port}`}${path}`
  }
  const routes = (spec?.rules ?? []).flatMap(({ host, http }) =>
    (http?.paths ?? []).map(({ path = '/', backend }) => ({
      path,
      host,
      backend: backendText(backend),
      url: urlOf(host, path),
    })),
  )
  const { defaultBackend } = spec ?? {}
  if (!defaultBackend) return routes
  const url = !spec?.rules?.length ? urlOf(undefined, '/') : undefined
  return [...routes, { path: undefined, host: undefined, backend: backendText(defaultBackend), url }]
}

const backendText = ({ service, resource }: IngressBackend): string =>
  service
    ? `${service.name}:${service.port?.name ?? service.port?.number ?? ''}`
    : `${resource?.kind}/${resource?.name}`
