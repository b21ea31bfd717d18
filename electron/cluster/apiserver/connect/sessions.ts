import { badRequest } from '#shared/kube/status.ts'
import { authorizeOrThrow, type Authorizer } from '../authz/authorizer.ts'
import { isTrue } from '../filters/request-info.ts'
import type { ApiRequest, Connector } from '../handlers/api-request.ts'
import type { ConnectDeps } from './deps.ts'
import { kubeletSocket } from './kubelet-connection.ts'
import { containerOf, kubeletOf, podOf } from './targets.ts'
import { tunnel } from './tunnel.ts'

/** The kubelet's names for what a session carries. */
const streams = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' } as const

/** exec and attach: a session in a container of the pod. */
export const containerSession = (verb: 'exec' | 'attach', deps: ConnectDeps): Connector =>
  session(deps, ({ query }, namespace, name) => {
    const pod = podOf(deps.services, namespace, name)
    const container = containerOf(pod, query.get('container'))
    const asked = new URLSearchParams()
    for (const [option, stream] of Object.entries(streams))
      if (query.has(option) && isTrue(query.get(option))) asked.set(stream, '1')
    for (const word of query.getAll('command')) asked.append('command', word)
    const where = [namespace!, name, container].map(encodeURIComponent).join('/')
    return { pod, path: `/${verb}/${where}?${asked}` }
  })

export const portForwardSession = (deps: ConnectDeps): Connector =>
  session(deps, ({ query }, namespace, name) => {
    const asked = new URLSearchParams()
    for (const port of query.getAll('ports').flatMap((ports) => ports.split(','))) asked.append('port', port)
    const where = [namespace!, name].map(encodeURIComponent).join('/')
    return { pod: podOf(deps.services, namespace, name), path: `/portForward/${where}${asked.size ? `?${asked}` : ''}` }
  })

type Target = (
  request: ApiRequest,
  namespace: string | undefined,
  name: string,
) => { pod: ReturnType<typeof podOf>; path: string }

function session({ pki, services, authorizer }: ConnectDeps, targetOf: Target): Connector {
  return async (request, { namespace, name }) => {
    const { upgrade } = request
    if (!upgrade) throw badRequest('Upgrade request required')
    checkCreate(authorizer(), request)
    const { pod, path } = targetOf(request, namespace, name)
    const kubelet = kubeletOf(services, pod)
    const backend = await kubeletSocket(pki, kubelet)
    tunnel(upgrade, backend, { host: `${kubelet.host}:${kubelet.port}`, path })
    return undefined
  }
}

/** A WebSocket begins with GET, but it does what POST does: who may only look may not. */
function checkCreate(authorizer: Authorizer, { user, info }: ApiRequest): void {
  if (info.verb === 'create') return
  const { group, version, resource, subresource, namespace, name } = info
  authorizeOrThrow(authorizer, {
    user,
    verb: 'create',
    isResource: true,
    group,
    version,
    resource,
    subresource,
    namespace,
    name,
    path: '',
  })
}
