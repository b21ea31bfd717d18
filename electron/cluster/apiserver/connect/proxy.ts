import { serviceUnavailable } from '#shared/kube/status.ts'
import type { ApiRequest, Connector } from '../handlers/api-request.ts'
import type { ConnectDeps } from './deps.ts'
import { forward, type Backend } from './forward.ts'
import { kubeletTls } from './kubelet-connection.ts'
import { nodeAddress, podTarget, serviceTarget, splitTarget } from './targets.ts'

/** nodes/proxy, pods/proxy, services/proxy: any request, passed on to what is named. */
export const proxyConnector =
  (deps: ConnectDeps): Connector =>
  async (request, { kind, namespace, name }) => {
    const backend = backendOf(deps, kind.definition.plural, namespace, name)
    const rest = restOf(request)
    if (rest === '' && !request.upgrade && ['GET', 'HEAD'].includes(request.exchange.method))
      return redirectToRoot(request)
    const { path } = request.info
    const page = {
      prefix: path.slice(0, path.length - rest.length),
      backend: `${backend.host}:${backend.port}`,
      asked: request.exchange.header('host'),
    }
    const headers = request.upgrade ? {} : { 'x-forwarded-uri': path }
    return forward(request, { ...(await located(deps, backend)), headers }, withQuery(rest || '/', request), page)
  }

function backendOf(
  { pki, services }: ConnectDeps,
  plural: string,
  namespace: string | undefined,
  name: string,
): Backend {
  if (plural === 'nodes') {
    const { name: node, port } = splitTarget(name)
    const found = nodeAddress(services, node)
    const address = port ? { ...found, port: Number(port) } : found
    return { scheme: 'https', host: address.host, port: address.port, options: kubeletTls(pki, address) }
  }
  const target = plural === 'pods' ? podTarget(services, namespace, name) : serviceTarget(services, namespace, name)
  // What is behind a pod's or service's TLS is the user's own: upstream does not check its certificate either.
  return { ...target, options: target.scheme === 'https' ? { rejectUnauthorized: false } : {} }
}

async function located({ locate }: ConnectDeps, backend: Backend): Promise<Backend> {
  if (!locate) return backend
  const { host, port } = await locate(backend).catch((error: Error) => {
    throw serviceUnavailable(`error trying to reach service: ${error.message}`)
  })
  return { ...backend, host, port }
}

/** The path behind `/proxy`, as it was sent. */
function restOf({ info }: ApiRequest): string {
  const at = info.path.indexOf('/proxy', info.path.indexOf(`/${info.resource}/`))
  return info.path.slice(at + '/proxy'.length)
}

const withQuery = (path: string, { info }: ApiRequest): string => (info.search ? `${path}?${info.search}` : path)

/** Relative links of a page lead below `/proxy/` only from there. Source: proxyRedirectsforRootPath in upgradeaware.go. */
function redirectToRoot(request: ApiRequest): undefined {
  const location = withQuery(`${request.info.path}/`, request)
  request.exchange.send(301, ['Location', location], Buffer.alloc(0))
}
