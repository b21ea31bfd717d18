import { request } from 'node:https'
import type { KubeObject } from '#shared/kube/object.ts'
import { StatusError } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import { dialError } from '../connect/dial-error.ts'
import type { ActionServices, UserInfo } from '../registry/kind.ts'
import { reachService, type ReachDeps } from '../connect/reach.ts'
import { serviceAddress } from '../connect/targets.ts'
import type { Condition, Remote } from './remote.ts'
import { remoteUserHeaders } from './remote-user.ts'

export interface AvailabilityDeps extends ReachDeps {
  clock: Clock
}

/** What a look at a server came to; `document`: its APIResourceList, where it answered. */
export interface Availability {
  condition: Pick<Condition, 'status' | 'reason' | 'message'>
  document?: Buffer
}

interface Service extends KubeObject {
  spec?: { type?: string; ports?: { name?: string; port?: number }[] }
}
interface Slice extends KubeObject {
  ports?: { name?: string; port?: number }[]
  endpoints?: { addresses?: string[]; conditions?: { ready?: boolean } }[]
}

const timeout = 5000
const aggregator = { name: 'system:kube-aggregator', groups: ['system:masters'] }

const unavailable = (reason: string, message: string): Availability => ({
  condition: { status: 'False', reason, message },
})

/** Source: kube-aggregator/pkg/controllers/status/remote/remote_available_controller.go. */
export async function availabilityOf(remote: Remote, deps: AvailabilityDeps): Promise<Availability> {
  const problem = serviceProblem(remote, deps.services)
  if (problem) return problem
  try {
    const target = serviceAddress(deps.services, remote.service)
    const path = `/apis/${remote.group}/${remote.version}`
    const url = `https://${target.host}:${target.port}${path}`
    const failed = (text: string) =>
      unavailable('FailedDiscoveryCheck', `failing or missing response from ${url}: ${text}`)
    try {
      const { status, body } = await fetchFrom(remote, path, deps, 'application/json')
      if (status < 200 || status >= 300) return failed(`bad status from ${url}: ${status}`)
      return { condition: { status: 'True', reason: 'Passed', message: 'all checks passed' }, document: body }
    } catch (error) {
      return failed(`Get ${JSON.stringify(url)}: ${error instanceof Error ? dialError(error) : String(error)}`)
    }
  } catch (error) {
    if (error instanceof StatusError) return unavailable('FailedDiscoveryCheck', error.message)
    throw error
  }
}

function serviceProblem({ service }: Remote, services: ActionServices): Availability | undefined {
  const { namespace, name, port } = service
  const shown = `service/${name} in ${JSON.stringify(namespace)}`
  const found = services.get<Service>({ group: '', plural: 'services' }, namespace, name)
  if (!found) return unavailable('ServiceNotFound', `${shown} is not present`)
  if (found.spec?.type === 'ExternalName') return undefined
  const wanted = found.spec?.ports?.find((candidate) => candidate.port === port)
  if (!wanted) return unavailable('ServicePortError', `${shown} is not listening on port ${port}`)
  const slices = services
    .list<Slice>({ group: 'discovery.k8s.io', plural: 'endpointslices' }, namespace)
    .filter(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name'] === name)
  if (!slices.length) return unavailable('EndpointsNotFound', `cannot find endpointslices for ${shown}`)
  const isReady = slices.some(
    ({ ports, endpoints }) =>
      ports?.some((candidate) => (candidate.name ?? '') === (wanted.name ?? '')) &&
      endpoints?.some(({ conditions }) => conditions?.ready !== false),
  )
  if (isReady) return undefined
  const port_ = JSON.stringify(wanted.name ?? '')
  return unavailable('MissingEndpoints', `endpoints for ${shown} have no addresses with port name ${port_}`)
}

/** A GET of this server itself, or in the name of a user. Rejects when there is no answer within five seconds. */
export async function fetchFrom(
  remote: Remote,
  path: string,
  deps: AvailabilityDeps,
  accept: string,
  user: UserInfo = aggregator,
): Promise<{ status: number; body: Buffer }> {
  const { host, port } = await reachService(deps, remote.service)
  return new Promise((resolve, reject) => {
    const headers = { ...remoteUserHeaders(user), accept, host: `${host}:${port}` }
    const asking = request({ host, port, path, agent: remote.agent, headers })
    const cancel = deps.clock.after(timeout, () =>
      asking.destroy(new Error('net/http: request canceled (Client.Timeout exceeded while awaiting headers)')),
    )
    asking.once('error', (error) => {
      cancel()
      reject(error)
    })
    asking.once('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.once('error', reject)
      answer.once('end', () => {
        cancel()
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) })
      })
    })
    asking.end()
  })
}
