import { setTimeout as sleep } from 'node:timers/promises'
import { up } from '../support/cluster.ts'
import { send, watching } from './api.ts'
import { cpuSeconds, printTable, residentMiB, round } from './figures.ts'
import { agentOf } from './processes.ts'
import { RawConnection, targetOf, type Target } from './raw-client.ts'

export interface ScaleSize {
  nodes: number
  pods: number
  /** Of each Deployment; one of them is updated. */
  replicas: number
}

/** Seconds that the cluster is left alone, and those before in which it comes to rest. */
const idle = { settle: 20, measured: 60 }
const deployments = '/apis/apps/v1/namespaces/default/deployments'

/** Simulated nodes and the pods of Deployments on them: what they cost to make, to keep and to replace. */
export async function scale({ nodes, pods, replicas }: ScaleSize): Promise<void> {
  const names = Array.from({ length: Math.ceil(pods / replicas) }, (_, i) => `web-${i}`)
  await using cluster = await up(['--nodes', `simulated=${nodes}`])
  const target = targetOf(cluster.kubeconfig)
  using connection = await RawConnection.open(target)
  const processes = { cluster: cluster.pid, agent: agentOf(cluster.pid) }
  const rows: Record<string, string>[] = []
  const measure = async (what: string, count: number, work: () => Promise<unknown>) => {
    const before = await look(connection, processes)
    await work()
    const after = await look(connection, processes)
    const seconds = after.at - before.at
    const cpu = (name: 'cluster' | 'agent') => after[name].cpu - before[name].cpu
    const perPod = (value: number, digits: number) => (count ? round(value / count, digits) : '-')
    const percent = (value: number) => round((value / seconds) * 100)
    rows.push({
      what,
      s: round(seconds, 1),
      'cluster: CPU %': percent(cpu('cluster')),
      'ms/pod': perPod(cpu('cluster') * 1000, 2),
      MiB: round(after.cluster.memory),
      'agent: CPU %': percent(cpu('agent')),
      ' ms/pod': perPod(cpu('agent') * 1000, 2),
      ' MiB': round(after.agent.memory),
      'writes/pod': perPod(after.revision - before.revision, 2),
    })
  }
  await measure(`${nodes} nodes ready`, 0, async () => {
    while ((await readyNodes(connection)) < nodes) await sleep(1000)
  })
  const deploy = (name: string) => send(connection, 'POST', deployments, deployment(name, replicas))
  await measure(`first ${replicas} pods`, replicas, async () => {
    await deploy(names[0]!)
    await rolledOut(target, names[0]!)
  })
  const rest = names.slice(1)
  if (rest.length)
    await measure(`${rest.length * replicas} more`, rest.length * replicas, async () => {
      for (const name of rest) await deploy(name)
      for (const name of rest) await rolledOut(target, name)
    })
  await sleep(idle.settle * 1000)
  await measure('idle', 0, () => sleep(idle.measured * 1000))
  await measure(`rolling update of ${replicas}`, replicas, async () => {
    const change = { spec: { template: { metadata: { annotations: { 'bench.wheelhouse.dev/version': '2' } } } } }
    await send(connection, 'PATCH', `${deployments}/${names[0]}`, change, 'application/merge-patch+json')
    await rolledOut(target, names[0]!)
  })
  printTable(`${nodes} simulated nodes, ${names.length * replicas} pods, in Deployments of ${replicas}`, rows)
}

/** Seconds of wall and CPU time so far, MiB, and how many writes there have been. */
async function look(connection: RawConnection, processes: { cluster: number; agent: number }) {
  const of = (pid: number) => ({ cpu: cpuSeconds(pid), memory: residentMiB(pid) })
  const { metadata } = await send<{ metadata: { resourceVersion: string } }>(
    connection,
    'GET',
    '/api/v1/namespaces?limit=1',
  )
  return {
    at: performance.now() / 1000,
    cluster: of(processes.cluster),
    agent: of(processes.agent),
    revision: Number(metadata.resourceVersion),
  }
}

interface NodeList {
  items: { status?: { conditions?: { type: string; status: string }[] } }[]
}

async function readyNodes(connection: RawConnection): Promise<number> {
  const { items } = await send<NodeList>(connection, 'GET', '/api/v1/nodes')
  const isReady = ({ type, status }: { type: string; status: string }) => type === 'Ready' && status === 'True'
  return items.filter(({ status }) => status?.conditions?.some(isReady)).length
}

const deployment = (name: string, replicas: number) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [
          { name: 'c', image: 'registry.example.com/web:1', resources: { requests: { cpu: '10m', memory: '16Mi' } } },
        ],
      },
    },
  },
})

interface Deployment {
  metadata: { generation: number }
  spec: { replicas: number }
  status?: { observedGeneration?: number; replicas?: number; updatedReplicas?: number; availableReplicas?: number }
}

/** When `kubectl rollout status` would say so. */
function isRolledOut({ metadata, spec, status = {} }: Deployment): boolean {
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status
  return (
    observedGeneration >= metadata.generation &&
    updatedReplicas === spec.replicas &&
    replicas === updatedReplicas &&
    availableReplicas === updatedReplicas
  )
}

async function rolledOut(target: Target, name: string): Promise<void> {
  const path = `${deployments}?watch=true&fieldSelector=metadata.name%3D${name}`
  const { promise, resolve } = Promise.withResolvers<void>()
  using watch = await watching<Deployment>(target, path, (object) => {
    if (isRolledOut(object)) resolve()
  })
  await Promise.race([promise, watch.ended])
}
