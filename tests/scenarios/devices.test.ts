import type { Event, Pod } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ResourceClaim, ResourceSlice } from '#shared/kube/devices.ts'
import type { KubeList } from '#shared/kube/object.ts'
import { claimStatuses, extendedClaimStatus } from '#shared/kube/pod-claims.ts'
import { simulatedDriver } from '#shared/kube/simulated.ts'
import type { SchedulingDecision } from '#shared/kube/trace.ts'
import { up, type TestCluster } from '../support/cluster.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
let k: Kubectl
beforeAll(async () => {
  cluster = await up(['--nodes', 'process=1,simulated=2', '--simulated-devices', '2'])
  k = cluster.kubectl
})
afterAll(async () => cluster?.[Symbol.asyncDispose]())

const group = 'resource.k8s.io/v1'
const small = 'device.attributes["devices.wheelhouse.dev"].model == "small"'

async function apply(...objects: object[]): Promise<void> {
  const { code, stderr } = await k.run(
    ['apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  )
  if (code !== 0) throw new Error(stderr)
  // Somebody acts on all of these: nothing is warned of.
  expect(stderr).toBe('')
}
const requests = (expression?: string) => ({
  devices: {
    requests: [
      {
        name: 'one',
        exactly: {
          deviceClassName: simulatedDriver,
          ...(expression ? { selectors: [{ cel: { expression } }] } : {}),
        },
      },
    ],
  },
})
const claim = (name: string, expression?: string) => ({
  apiVersion: group,
  kind: 'ResourceClaim',
  metadata: { name },
  spec: requests(expression),
})
const pod = (name: string, source: object | undefined, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: {
    terminationGracePeriodSeconds: 1,
    tolerations: [{ operator: 'Exists', key: 'wheelhouse.dev/simulated' }],
    containers: [{ name: 'app', image: 'wheelhouse/shell:v1', resources: source ? { claims: [{ name: 'd' }] } : {} }],
    ...(source ? { resourceClaims: [{ name: 'd', ...source }] } : {}),
    ...more,
  },
})
const named = (name: string) => ({ resourceClaimName: name })
const get = <T>(...what: string[]) => k.json<T>('get', ...what)
const running = (...names: string[]) =>
  k('wait', '--for=condition=Ready', ...names.map((name) => `pod/${name}`), '--timeout=60s')
const find = (name: string) => get<ResourceClaim>('resourceclaim', name)
const devicesOf = async (name: string) =>
  (await find(name)).status?.allocation?.devices?.results?.map((each) => each.device)
const holds = (check: () => Promise<void>) =>
  eventually(
    check.toString(),
    async () => {
      await check()
      return true
    },
    60_000,
  )
const whyPending = async (name: string) => {
  const { status } = await get<Pod>('pod', name)
  return status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? ''
}

describe('devices', () => {
  it('are published by each simulated node, and chosen by their attributes', async () => {
    await holds(async () => {
      const { items } = await get<KubeList<ResourceSlice>>('resourceslices')
      expect(items.map(({ spec }) => [spec?.driver, spec?.nodeName, spec?.devices?.length])).toEqual([
        [simulatedDriver, 'simulated-1', 2],
        [simulatedDriver, 'simulated-2', 2],
      ])
    })
    await apply(claim('picky', small), pod('picky', named('picky')))
    await running('picky')
    expect(await devicesOf('picky')).toEqual(['device-1'])
    await k('delete', 'pod/picky', 'resourceclaim/picky', '--wait=true', '--timeout=60s')
  })

  it('are shared by two pods of one claim on one node, while a third waits for its own and is told why', async () => {
    await apply(...['a', 'b', 'c'].map((name) => claim(name, small)))
    await apply(pod('a1', named('a')), pod('a2', named('a')), pod('b', named('b')))
    await running('a1', 'a2', 'b')
    const nodes = await Promise.all(['a1', 'a2', 'b'].map(async (name) => (await get<Pod>('pod', name)).spec?.nodeName))
    expect([nodes[0] === nodes[1], nodes[0] === nodes[2]]).toEqual([true, false])
    expect((await find('a')).status?.reservedFor?.map(({ name }) => name).sort()).toEqual(['a1', 'a2'])
    expect(await k('get', 'resourceclaims')).toMatch(/a +allocated,reserved[^]*c +pending/)

    await apply(pod('c', named('c')))
    await holds(async () => expect(await whyPending('c')).toContain('3 cannot allocate all claims'))
    const decision = await get<SchedulingDecision>('schedulingdecisions.trace.wheelhouse.dev', 'c')
    expect(decision).toMatchObject({
      result: 'Unschedulable',
      summary: 'No node fits: 3 lack free devices for its claims.',
    })

    await k('delete', 'pod/a1', '--wait=true', '--timeout=60s')
    expect(await whyPending('c')).toContain('cannot allocate')
    await k('delete', 'pod/a2', '--wait=true', '--timeout=60s')
    await running('c')
    expect([await devicesOf('a'), await devicesOf('c')]).toEqual([undefined, ['device-1']])
    await k('delete', 'pod', 'b', 'c', '--timeout=60s')
  })

  it('come and go with pods that have templates for claims', async () => {
    await apply({
      apiVersion: group,
      kind: 'ResourceClaimTemplate',
      metadata: { name: 't' },
      spec: { spec: requests() },
    })
    const names = ['t1', 't2', 't3', 't4', 't5']
    await apply(...names.map((name) => pod(name, { resourceClaimTemplateName: 't' })))
    const generated = async () =>
      (await get<KubeList<ResourceClaim>>('resourceclaims')).items.filter(({ metadata }) => metadata?.ownerReferences)
    await holds(async () => {
      const claims = await generated()
      expect(claims.filter(({ status }) => status?.allocation)).toHaveLength(4)
      expect(claims).toHaveLength(5)
    })
    const pods = (await get<KubeList<Pod>>('pods')).items
    const waiting = pods.filter(({ spec }) => !spec?.nodeName).map(({ metadata }) => metadata!.name!)
    expect(waiting).toHaveLength(1)
    const placed = names.find((name) => !waiting.includes(name))!
    const [status] = claimStatuses(pods.find(({ metadata }) => metadata?.name === placed)!)!
    expect(status).toMatchObject({ name: 'd', resourceClaimName: expect.stringMatching(new RegExp(`^${placed}-d-`)) })

    await k('delete', 'pod', placed, '--timeout=60s')
    await running(waiting[0]!)
    await k('delete', 'pod', ...names.filter((name) => name !== placed), '--timeout=60s')
    await holds(async () => expect(await generated()).toEqual([]))
  })

  it('stand for an extended resource that a class gives a name to', async () => {
    await apply({
      apiVersion: group,
      kind: 'DeviceClass',
      metadata: { name: 'large' },
      spec: {
        extendedResourceName: 'example.com/large',
        selectors: [{ cel: { expression: `device.driver == "${simulatedDriver}"` } }],
      },
    })
    const containers = [
      { name: 'app', image: 'wheelhouse/shell:v1', resources: { limits: { 'example.com/large': '2' } } },
    ]
    await apply(pod('x', undefined, { containers }))
    await running('x')
    const status = extendedClaimStatus(await get<Pod>('pod', 'x'))
    expect(await devicesOf(status!.resourceClaimName)).toHaveLength(2)
    await k('delete', 'pod/x', '--timeout=60s')
    await holds(async () => expect((await k.run(['get', 'resourceclaim', status!.resourceClaimName])).code).toBe(1))
  })

  it('that their driver taints lose their pods, and get them back when they are well', async () => {
    await apply(claim('frail'), pod('frail', named('frail')))
    await running('frail')
    const [result] = (await find('frail')).status!.allocation!.devices!.results!
    const slice = `resourceslice/${result!.pool}-${simulatedDriver}`
    const index = result!.device!.replace('device-', '')
    const taints = (value: object[]) =>
      k(
        'patch',
        slice,
        '--type=json',
        '-p',
        JSON.stringify([{ op: 'add', path: `/spec/devices/${index}/taints`, value }]),
      )
    await taints([{ key: 'sick', effect: 'NoExecute' }])
    await k('wait', '--for=delete', 'pod/frail', '--timeout=60s')
    const events = (await get<KubeList<Event>>('events')).items.filter(
      ({ involvedObject }) => involvedObject.name === 'frail',
    )
    expect(events.map(({ reason }) => reason)).toContain('DeviceTaintManagerEviction')
    await taints([])
    await k('delete', 'resourceclaim/frail', '--timeout=60s')
  })

  it('with admin access are for namespaces that have the label', async () => {
    const asked = claim('admin')
    const [request] = asked.spec.devices.requests
    Object.assign(request!.exactly, { adminAccess: true, allocationMode: 'All' })
    const { stderr } = await k.run(['create', '-f', '-'], JSON.stringify(asked))
    expect(stderr).toContain('resource.kubernetes.io/admin-access: true')
    await k('create', 'namespace', 'admins')
    await k('label', 'namespace', 'admins', 'resource.kubernetes.io/admin-access=true')
    const inNamespace = { ...asked, metadata: { ...asked.metadata, namespace: 'admins' } }
    expect((await k.run(['create', '-f', '-'], JSON.stringify(inNamespace))).code).toBe(0)
  })

  it('of no driver on the node keep a pod from its start, and the kubelet says so', async () => {
    const node = (
      await get<KubeList<{ metadata: { name: string; labels: Record<string, string> } }>>('nodes')
    ).items.find(({ metadata }) => !metadata.labels['wheelhouse.dev/simulated'])!.metadata.name
    await apply({
      apiVersion: group,
      kind: 'ResourceSlice',
      metadata: { name: 'absent' },
      spec: {
        driver: 'absent.example.com',
        nodeName: node,
        pool: { name: node, generation: 1, resourceSliceCount: 1 },
        devices: [{ name: 'x' }],
      },
    })
    await apply({
      apiVersion: group,
      kind: 'DeviceClass',
      metadata: { name: 'absent' },
      spec: { selectors: [{ cel: { expression: 'device.driver == "absent.example.com"' } }] },
    })
    const wanted = claim('absent')
    wanted.spec.devices.requests[0]!.exactly.deviceClassName = 'absent' as typeof simulatedDriver
    await apply(wanted, pod('absent', named('absent')))
    await holds(async () => {
      const { items } = await get<KubeList<Event>>('events')
      const messages = items
        .filter(({ reason }) => reason === 'FailedPrepareDynamicResources')
        .map(({ message }) => message)
      expect(messages[0]).toContain('DRA driver absent.example.com is not registered')
    })
    expect((await get<Pod>('pod', 'absent')).status?.phase).toBe('Pending')
    await k('delete', 'pod/absent', '--timeout=60s')
  })
})
