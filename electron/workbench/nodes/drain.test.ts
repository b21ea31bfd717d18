import type { Pod } from 'kubernetes-types/core/v1'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { DrainProgress } from '#shared/ipc/nodes.ts'
import { nodes, podDisruptionBudgets } from '#shared/kube/resources.ts'
import { forbidden, StatusError } from '#shared/kube/status.ts'
import { contextsOf } from '../testing/contexts.ts'
import { FakeApiServer, podsOf } from '../testing/fake-api-server.ts'
import { FakeOutlet } from '../testing/outlet.ts'
import { nodeRequests, nodeStreams } from './handlers.ts'

let server: FakeApiServer
let catalogue: ReturnType<typeof contextsOf>
/** What the eviction API says of a pod; undefined: it goes. */
let refusal: (pod: string) => StatusError | undefined
beforeEach(async () => {
  server = await FakeApiServer.start()
  catalogue = contextsOf(server)
  refusal = () => undefined
  server.store.put(nodes, { metadata: { name: 'n1' } })
  server.fault = ({ path, method }) => {
    const [, namespace = '', name = ''] = /namespaces\/([^/]+)\/pods\/([^/]+)\/eviction$/.exec(path) ?? []
    if (method !== 'POST' || !name) return undefined
    const refused = refusal(name)
    if (refused) return refused
    server.store.remove(podsOf(namespace), name)
    return { code: 201, body: { kind: 'Status', status: 'Success' } }
  }
})
afterEach(async () => {
  for (const outlet of outlets.splice(0)) outlet.close()
  catalogue[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const outlets: FakeOutlet<DrainProgress>[] = []
type Parts = { owner?: string; labels?: Record<string, string>; phase?: string; emptyDir?: boolean; static?: boolean }
function pod(name: string, { owner = 'ReplicaSet', labels, phase = 'Running', emptyDir, ...parts }: Parts = {}): void {
  server.store.put(podsOf('default'), {
    metadata: {
      name,
      uid: `uid-${name}`,
      ...(labels ? { labels } : {}),
      ...(parts.static ? { annotations: { 'kubernetes.io/config.mirror': 'x' } } : {}),
      ...(owner
        ? { ownerReferences: [{ apiVersion: 'apps/v1', kind: owner, name: 'o', uid: 'o', controller: true }] }
        : {}),
    },
    spec: { nodeName: 'n1', containers: [], ...(emptyDir ? { volumes: [{ name: 'v', emptyDir: {} }] } : {}) },
    status: { phase },
  } as Pod)
}
const plan = async () =>
  nodeRequests(catalogue.contexts)['node.drainPlan'](
    { context: catalogue.context, name: 'n1' },
    new AbortController().signal,
  )
function drain(consents: ('emptyDir' | 'unmanaged')[] = []) {
  const outlet = new FakeOutlet<DrainProgress>()
  outlets.push(outlet)
  const done = nodeStreams(catalogue.contexts, { retryMs: 10, lookMs: 10 })['node.drain'](
    { context: catalogue.context, name: 'n1', consents },
    outlet,
  )
  const states = () => Object.fromEntries(outlet.last?.pods.map(({ name, state }) => [name, state]) ?? [])
  return { outlet, done, states }
}
const tooMany = (cause: string) =>
  new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    reason: 'TooManyRequests',
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: { causes: [{ reason: 'DisruptionBudget', message: cause }] },
    code: 429,
  })
const isCordoned = () => (server.store.get(nodes, 'n1') as { spec?: { unschedulable?: boolean } }).spec?.unschedulable

it('plans what goes, what stays and what has to be agreed to', async () => {
  pod('web', { emptyDir: true })
  pod('agent', { owner: 'DaemonSet' })
  pod('alone', { owner: '' })
  pod('from-file', { owner: 'Node', static: true })
  pod('ended', { owner: '', phase: 'Succeeded', emptyDir: true })
  const { pods } = await plan()
  expect(pods.map(({ name, stays, needs }) => [name, stays, needs])).toEqual([
    ['agent', 'daemonSet', []],
    ['alone', undefined, ['unmanaged']],
    ['ended', undefined, []],
    ['from-file', 'static', []],
    ['web', undefined, ['emptyDir']],
  ])
})

it('counts what each budget would lose', async () => {
  pod('web-1', { labels: { app: 'web' } })
  pod('web-2', { labels: { app: 'web' } })
  pod('other')
  server.store.put({ ...podDisruptionBudgets, namespace: 'default' }, {
    metadata: { name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } } },
    status: { disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2, expectedPods: 3 },
  } as never)
  const { pods, budgets } = await plan()
  expect(budgets).toEqual([{ namespace: 'default', name: 'web', allowed: 1, leaving: 2, healthy: 3, desired: 2 }])
  expect(pods.map(({ budgets: of }) => of)).toEqual([[], ['web'], ['web']])
})

it('plans without the budgets where those may not be seen', async () => {
  pod('web')
  const evictions = server.fault
  server.fault = (request) =>
    request.path.includes('poddisruptionbudgets')
      ? forbidden({ group: 'policy', plural: 'poddisruptionbudgets' }, '', 'no')
      : evictions(request)
  expect(await plan()).toMatchObject({ pods: [{ name: 'web' }], budgets: [] })
})

it('cordons the node, evicts what may go and ends when that is gone', async () => {
  pod('web')
  pod('agent', { owner: 'DaemonSet' })
  const { done, states, outlet } = drain()
  await done
  expect(isCordoned()).toBe(true)
  expect(outlet.last?.cordoned).toBe(true)
  expect(states()).toEqual({ agent: 'left', web: 'gone' })
  const [eviction] = server.asked(/eviction/)
  expect(JSON.parse(eviction!.body)).toMatchObject({
    kind: 'Eviction',
    deleteOptions: { preconditions: { uid: 'uid-web' } },
  })
})

it('does nothing at all where a pod would be lost without consent', async () => {
  pod('alone', { owner: '' })
  pod('web')
  await expect(drain().done).rejects.toMatchObject({ message: expect.stringContaining('default/alone') as string })
  expect(isCordoned()).toBeUndefined()
  const agreed = drain(['unmanaged'])
  await agreed.done
  expect(agreed.states()).toEqual({ alone: 'gone', web: 'gone' })
})

it('tells which budget blocks a pod, and asks again until it may go', async () => {
  pod('web')
  const why = 'The disruption budget web needs 2 healthy pods and has 2 currently'
  refusal = () => tooMany(why)
  const { done, states, outlet } = drain()
  await vi.waitFor(() => expect(states()).toEqual({ web: 'blocked' }))
  expect(outlet.last?.pods[0]?.message).toBe(why)
  refusal = () => undefined
  await done
  expect(outlet.last?.pods[0]).toEqual({ namespace: 'default', name: 'web', uid: 'uid-web', state: 'gone' })
})

it('goes on with the others when one may not be evicted', async () => {
  pod('web')
  pod('held')
  refusal = (name) =>
    name === 'held' ? forbidden({ group: '', plural: 'pods/eviction' }, 'held', 'not allowed') : undefined
  const { done, states } = drain()
  await done
  expect(states()).toEqual({ held: 'failed', web: 'gone' })
})

it('stops asking once nobody looks any more', async () => {
  pod('web')
  refusal = () => tooMany('not now')
  const { done, outlet, states } = drain()
  await vi.waitFor(() => expect(states()).toEqual({ web: 'blocked' }))
  outlet.close()
  await done
  // One may be under way.
  await new Promise((resolve) => setTimeout(resolve, 50))
  const asked = server.asked(/eviction/).length
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(server.asked(/eviction/)).toHaveLength(asked)
})
