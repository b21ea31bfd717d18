import type { Pod, Service } from 'kubernetes-types/core/v1'
import type { KubeList } from '#shared/kube/object.ts'
import { pods, resourcePath, services } from '#shared/kube/resources.ts'
import { formatSelector, selectorOfLabels } from '#shared/kube/selectors.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import { Failure } from '../failure.ts'

export interface PodPort {
  pod: string
  port: number
}

const ready = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true &&
  !pod.metadata?.deletionTimestamp

/** Which pod and port a target (`pod/name`, `service/name`) means right now. */
export async function resolveTarget(
  connection: ApiConnection,
  namespace: string,
  target: string,
  remotePort: number,
): Promise<PodPort> {
  const [kind, name = ''] = target.split('/')
  if (kind === 'pod') {
    const { value: pod } = await connection.json<Pod>(resourcePath(pods, { namespace, name }))
    if (pod.status?.phase !== 'Running')
      throw new Failure('NotReady', `Pod ${name} is not running.`, 'Wait until it is, or forward to its service.')
    return { pod: name, port: remotePort }
  }
  const { value: service } = await connection.json<Service>(resourcePath(services, { namespace, name }))
  const selector = service.spec?.selector
  if (!selector || Object.keys(selector).length === 0)
    throw new Failure('NoSelector', `Service ${name} has no selector.`, 'Forward to a pod instead.')
  const query = new URLSearchParams({ labelSelector: formatSelector(selectorOfLabels(selector)) })
  const { value: list } = await connection.json<KubeList<Pod>>(`${resourcePath(pods, { namespace })}?${query}`)
  const pod = list.items.find(ready)
  if (!pod)
    throw new Failure('NotReady', `No pod of service ${name} is ready.`, 'Wait until one is, or look at its pods.')
  return { pod: pod.metadata?.name ?? '', port: podPort(service, pod, remotePort) }
}

/** The container port behind a service port, names looked up in the pod. */
function podPort(service: Service, pod: Pod, servicePort: number): number {
  const port = service.spec?.ports?.find((candidate) => candidate.port === servicePort)
  if (!port)
    throw new Failure(
      'NotFound',
      `Service ${service.metadata?.name ?? ''} has no port ${servicePort}.`,
      'Choose one of its ports.',
    )
  // The target of a headless service is the port itself.
  const target = port.targetPort ?? port.port
  if (typeof target === 'number') return target
  for (const container of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) {
    const named = container.ports?.find((candidate) => candidate.name === target)
    if (named) return named.containerPort
  }
  throw new Failure(
    'NotFound',
    `No container of pod ${pod.metadata?.name ?? ''} names a port ${target}.`,
    'Check targetPort of the service.',
  )
}
