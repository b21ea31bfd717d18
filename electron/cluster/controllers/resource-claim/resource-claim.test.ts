import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { ResourceClaim, ResourceClaimTemplate } from '#shared/kube/devices.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { claimStatuses } from '#shared/kube/pod-claims.ts'
import { pods, resourceClaims, resourceClaimTemplates } from '#shared/kube/resources.ts'
import { pod } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { withRestarts } from '../framework/testing/restarts.ts'
import { resourceClaimControllers } from './controller.ts'
import { baseName } from './pods.ts'

const controllers = (parts: Pick<Harness, 'informers'>) => resourceClaimControllers(parts)
const start = (...objects: KubeObject[]) => harness(controllers, objects)
const group = 'resource.k8s.io/v1'
const finalizer = 'resource.kubernetes.io/delete-protection'
const spec = { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } }

const template = (name = 't'): ResourceClaimTemplate => ({
  apiVersion: group,
  kind: 'ResourceClaimTemplate',
  metadata: { name, namespace: 'default', uid: `${name}-uid` },
  spec: { metadata: { labels: { app: 'ml' }, annotations: { why: 'fast' } }, spec },
})
const using = (
  name: string,
  claims: object[],
  more: { nodeName?: string; status?: object; metadata?: object } = {},
): Pod =>
  pod(name, {
    metadata: (more.metadata ?? {}) as never,
    spec: { containers: [], resourceClaims: claims, ...(more.nodeName ? { nodeName: more.nodeName } : {}) } as never,
    status: { phase: 'Pending', ...more.status },
  })
const fromTemplate = (...names: string[]) => names.map((name) => ({ name, resourceClaimTemplateName: 't' }))
const named = (...names: string[]) => names.map((name) => ({ name, resourceClaimName: name }))
const reserved = (...names: string[]) => names.map((name) => ({ resource: 'pods', name, uid: `${name}-uid` }))
const allocation = { devices: { results: [{ request: 'gpu', driver: 'd', pool: 'n', device: 'x' }] } }
const claim = (name: string, status?: ResourceClaim['status'], metadata: object = {}): ResourceClaim => ({
  apiVersion: group,
  kind: 'ResourceClaim',
  metadata: { name, namespace: 'default', uid: `${name}-uid`, finalizers: [finalizer], ...metadata },
  spec,
  ...(status ? { status } : {}),
})
const owner = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', name, uid: `${name}-uid`, controller: true })

const key = (name: string) => ({ namespace: 'default', name })
const claims = (h: Harness): readonly ResourceClaim[] => h.client.stored(resourceClaims)
const find = (h: Harness, name: string): ResourceClaim | undefined => h.client.find(resourceClaims, key(name))
const users = (h: Harness, name: string) => find(h, name)?.status?.reservedFor?.map((user) => user.name)
const statuses = (h: Harness, name = 'p') => claimStatuses(h.client.find(pods, key(name))!)

describe('claims of templates', () => {
  it('are made with generated names, owned by the pod, and named in its status at once', async () => {
    await using h = await start(template(), using('p', fromTemplate('a', 'b')))
    await h.run(10)
    expect(claims(h)[0]).toMatchObject({
      metadata: {
        generateName: 'p-a-',
        labels: { app: 'ml' },
        annotations: { why: 'fast', 'resource.kubernetes.io/pod-claim-name': 'a' },
        ownerReferences: [{ ...owner('p'), blockOwnerDeletion: true }],
      },
      spec,
    })
    expect(statuses(h)).toEqual(
      claims(h).map(({ metadata }) => ({
        name: metadata?.annotations?.['resource.kubernetes.io/pod-claim-name'],
        resourceClaimName: metadata?.name,
      })),
    )
    expect(h.client.writes('patch')).toHaveLength(1)
  })

  it('are found again where the pod could not be told of them', async () => {
    await using h = await start()
    let failures = 1
    h.client.react('patch', 'pods', () => {
      if (failures-- > 0) throw new Error('no room')
      return undefined
    })
    h.client.seed(template())
    h.client.seed(using('p', fromTemplate('a')))
    await h.run(1000)
    expect(claims(h)).toHaveLength(1)
    expect(statuses(h)).toEqual([{ name: 'a', resourceClaimName: claims(h)[0]?.metadata?.name }])
  })

  it('are made once, however often the loop dies', async () => {
    const { writes } = await withRestarts(controllers, [template(), using('p', fromTemplate('a', 'b'))], () => false)
    expect(writes.filter((write) => write.startsWith('create resourceclaims'))).toHaveLength(2)
  })

  it('are made anew when somebody deletes one', async () => {
    await using h = await start(template(), using('p', fromTemplate('a')))
    await h.run(10)
    const [first] = claims(h)
    h.client.remove(resourceClaims, key(first!.metadata!.name!))
    await h.run(2000)
    expect(claims(h)).toHaveLength(1)
    expect(statuses(h)?.[0]?.resourceClaimName).toBe(claims(h)[0]?.metadata?.name)
    expect(claims(h)[0]?.metadata?.uid).not.toBe(first?.metadata?.uid)
  })

  it('wait for a template, and the pod is told', async () => {
    await using h = await start(using('p', fromTemplate('a')))
    await h.run(10)
    expect(h.events()[0]).toBe(
      'FailedResourceClaimCreation: PodResourceClaim a: resource claim template "t": resourceclaimtemplate.resource.k8s.io "t" not found',
    )
    h.client.seed(template())
    await h.run(10)
    expect(claims(h)).toHaveLength(1)
    expect(h.client.stored(resourceClaimTemplates)).toHaveLength(1)
  })

  it('are not made for a pod that is going, nor of a claim that the pod names itself', async () => {
    const going = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] }
    await using h = await start(template(), using('p', fromTemplate('a'), { metadata: going }), using('q', named('c')))
    await h.run(10)
    expect(claims(h)).toEqual([])
  })

  it('have names of which both parts are cut alike where they are too long', () => {
    expect(baseName('p', 'a')).toBe('p-a-')
    const long = baseName('p'.repeat(60), 'a'.repeat(30))
    expect([long.length <= 57, long.includes('a-'), /^p+-a+$/.test(long)]).toEqual([true, false, true])
  })
})

describe('reservations', () => {
  it('of pods that are gone, done or others by now are taken away; the last frees the devices', async () => {
    const done = { status: { phase: 'Succeeded' } }
    await using h = await start(
      using('lives', named('c', 'd'), { nodeName: 'n' }),
      using('done', named('c'), { nodeName: 'n', ...done }),
      claim('c', { allocation, reservedFor: reserved('lives', 'done', 'gone') }),
      claim('d', { allocation, reservedFor: [{ resource: 'pods', name: 'lives', uid: 'an earlier one' }] }),
    )
    await h.run(10)
    expect(users(h, 'c')).toEqual(['lives'])
    expect([find(h, 'c')?.status?.allocation, find(h, 'c')?.metadata?.finalizers]).toEqual([allocation, [finalizer]])
    h.client.remove(pods, key('lives'))
    await h.run(10)
    expect([find(h, 'c')?.status, find(h, 'c')?.metadata?.finalizers]).toEqual([{}, undefined])
  })

  it('are kept for a pod that only the server knows yet', async () => {
    await using h = await start()
    h.client.react('get', 'pods', () => using('new', named('c')))
    h.client.seed(claim('c', { allocation, reservedFor: reserved('new') }))
    await h.run(10)
    expect(users(h, 'c')).toEqual(['new'])
  })

  it('are not asked of the server for a pod that was seen to go', async () => {
    await using h = await start(
      using('p', named('c'), { nodeName: 'n' }),
      claim('c', { allocation, reservedFor: reserved('p') }),
    )
    await h.run(10)
    h.client.remove(pods, key('p'))
    await h.run(10)
    expect(users(h, 'c')).toBeUndefined()
    expect(h.client.actions.filter(({ verb }) => verb === 'get')).toEqual([])
  })

  it('are made for a pod that was put on its node by somebody else', async () => {
    await using h = await start(
      using('p', named('c'), { nodeName: 'n' }),
      claim('c', { allocation, reservedFor: reserved('q') }),
      using('q', named('c'), { nodeName: 'n' }),
    )
    await h.run(10)
    expect(users(h, 'c')).toEqual(['q', 'p'])
  })

  it('of other things than pods are left alone, loudly', async () => {
    const other = { apiGroup: 'x.io', resource: 'jobs', name: 'j', uid: 'j' }
    await using h = await start(claim('c', { allocation, reservedFor: [other] }))
    await h.run(10)
    expect(find(h, 'c')?.status?.reservedFor).toEqual([other])
  })
})

describe('a claim that nobody uses', () => {
  it('keeps devices that it was given for nobody yet', async () => {
    await using h = await start(claim('c', { allocation }))
    await h.run(10)
    expect(find(h, 'c')?.status?.allocation).toEqual(allocation)
  })

  it('goes when it is deleted, its devices given back first', async () => {
    await using h = await start(claim('c', { allocation }))
    await h.client.delete(resourceClaims, key('c'))
    await h.run(10)
    expect(find(h, 'c')).toBeUndefined()
    const [first] = h.client.writes('patch')
    expect([first?.subresource, first?.body]).toMatchObject(['status', { status: { allocation: null } }])
  })

  it('stays when it is deleted while a pod uses it', async () => {
    await using h = await start(
      using('p', named('c'), { nodeName: 'n' }),
      claim('c', { allocation, reservedFor: reserved('p') }),
    )
    await h.client.delete(resourceClaims, key('c'))
    await h.run(10)
    expect(find(h, 'c')?.status?.allocation).toEqual(allocation)
  })

  it('that was made for a pod goes with the end of it, not only with its removal', async () => {
    const own = { ownerReferences: [owner('p')] }
    const status = { resourceClaimStatuses: [{ name: 'a', resourceClaimName: 'c' }] }
    await using h = await start(
      template(),
      using('p', fromTemplate('a'), { nodeName: 'n', status }),
      claim('c', { allocation, reservedFor: reserved('p') }, own),
    )
    await h.run(10)
    expect(find(h, 'c')).toBeDefined()
    h.client.change(pods, key('p'), (one) => Object.assign(one.status!, { phase: 'Failed' }))
    await h.run(10)
    expect(claims(h)).toEqual([])
  })
})
