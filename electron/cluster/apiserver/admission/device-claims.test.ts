import { describe, expect, it } from 'vitest'
import type { ClaimStatus, ResourceClaim } from '#shared/kube/devices.ts'
import type { AccessAttributes, UserInfo } from '../registry/kind.ts'
import { deviceClaimAccess } from './device-claims.ts'
import { nodeRestriction } from './node-restriction.ts'
import { cluster, refusal, request, type Asked } from './testing.ts'

const claims = 'resource.k8s.io/resourceclaims'
const claim = (status?: ClaimStatus, adminAccess?: boolean): ResourceClaim => ({
  metadata: { name: 'c', namespace: 'a' },
  spec: {
    devices: {
      requests: [
        { name: 'first', firstAvailable: [] },
        { name: 'r', exactly: { deviceClassName: 'gpu', ...(adminAccess ? { adminAccess } : {}) } },
      ],
    },
  },
  ...(status ? { status } : {}),
})
const namespace = (labels: Record<string, string> = {}) =>
  cluster({ '/namespaces': [{ metadata: { name: 'a', labels } }] })
/** May what is listed: `verb resource/subresource name`. */
const allowing = (...rights: string[]) =>
  deviceClaimAccess({
    may: (_user: UserInfo, { verb, resource, subresource, name }: AccessAttributes) =>
      rights.includes(`${verb} ${resource}/${subresource} ${name}`.trim()),
  })
const everything = deviceClaimAccess({ may: () => true })

describe('admin access to devices', () => {
  const forbidden = (path: string) =>
    `${path}: Forbidden: admin access to devices requires the \`resource.kubernetes.io/admin-access: true\` label on the containing namespace`

  it('is for claims and templates in namespaces that have the label', async () => {
    const asked = (labels?: Record<string, string>) =>
      request(claims, claim(undefined, true), { services: namespace(labels) })
    expect(await refusal(everything, asked())).toContain(forbidden('spec.devices.requests[1].adminAccess'))
    expect(await refusal(everything, asked({ 'resource.kubernetes.io/admin-access': 'true' }))).toBe('')
    expect(await refusal(everything, request(claims, claim(), { services: namespace() }))).toBe('')
    const template = { metadata: { name: 't', namespace: 'a' }, spec: { spec: claim(undefined, true).spec } }
    const ofTemplate = request('resource.k8s.io/resourceclaimtemplates', template, { services: namespace() })
    expect(await refusal(everything, ofTemplate)).toContain(forbidden('spec.devices.requests[1].adminAccess'))
  })

  it('cannot be had by an allocation that says so', async () => {
    const allocation = {
      devices: { results: [{ request: 'r', driver: 'd', pool: 'p', device: 'x', adminAccess: true }] },
    }
    const more = { operation: 'UPDATE' as const, subresource: 'status', old: claim(), services: namespace() }
    expect(await refusal(everything, request(claims, claim({ allocation }), more))).toContain(
      forbidden('status.allocation.devices.results[0].adminAccess'),
    )
  })
})

describe('the status of a claim', () => {
  const results = [{ request: 'r', driver: 'd', pool: 'p', device: 'x' }]
  const onNode = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] }] }
  const allocation = { devices: { results }, nodeSelector: onNode }
  const devices = [{ driver: 'd', pool: 'p', device: 'x', data: { a: 1 } }]
  const update = (now: ClaimStatus, before: ClaimStatus = {}, more: Asked = {}) =>
    request(claims, claim(now), {
      operation: 'UPDATE',
      subresource: 'status',
      old: claim(before),
      services: namespace(),
      ...more,
    })
  const patched: Asked = { options: { kind: 'PatchOptions' } }

  it('says which devices it has and who uses them where the writer may bind claims', async () => {
    expect(await refusal(allowing(), update({ allocation }))).toContain(
      'status: Forbidden: changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="update" permission: resourceclaims.resource.k8s.io is forbidden: User "jane" cannot update resource "resourceclaims/binding" in API group "resource.k8s.io" at the cluster scope',
    )
    expect(await refusal(allowing('update resourceclaims/binding'), update({ allocation }))).toBe('')
    expect(await refusal(allowing('update resourceclaims/binding'), update({ allocation }, {}, patched))).toContain(
      'verb="patch"',
    )
    const reservedFor = [{ resource: 'pods', name: 'p', uid: 'u' }]
    expect(await refusal(allowing(), update({ allocation, reservedFor }, { allocation }))).toContain('binding')
  })

  it('says how its devices are where the writer may for their driver', async () => {
    const asked = update({ allocation, devices }, { allocation })
    expect(await refusal(allowing(), asked)).toContain(
      'status.devices: Forbidden: changing status.devices requires resource="resourceclaims/driver", verb="[arbitrary-node:update]" permission',
    )
    expect(await refusal(allowing('arbitrary-node:update resourceclaims/driver d'), asked)).toBe('')
    expect(await refusal(allowing('arbitrary-node:update resourceclaims/driver other'), asked)).not.toBe('')
  })

  it('needs less of a driver on the node of the devices', async () => {
    const user = (node: string) => ({
      name: 'system:serviceaccount:kube-system:driver',
      groups: [],
      extra: { 'authentication.kubernetes.io/node-name': [node] },
    })
    const asked = (node: string) => update({ allocation, devices }, { allocation }, { user: user(node) })
    const local = allowing('associated-node:update resourceclaims/driver d')
    expect([await refusal(local, asked('n1')), await refusal(local, asked('n2'))]).toEqual([
      '',
      expect.stringContaining('arbitrary-node'),
    ])
  })

  it('loses what was said of devices with the devices', async () => {
    expect(await refusal(allowing('update resourceclaims/binding'), update({}, { allocation, devices }))).toBe('')
  })
})

describe('a node', () => {
  const user = { name: 'system:node:n1', groups: ['system:nodes'] }
  const slice = (nodeName?: string) => ({
    metadata: { name: 's' },
    spec: { driver: 'd', ...(nodeName ? { nodeName } : {}) },
  })
  const slices = 'resource.k8s.io/resourceslices'

  it('publishes devices of its own, and takes away no others', async () => {
    const create = (node?: string) => refusal(nodeRestriction, request(slices, slice(node), { user }))
    const remove = (node?: string) =>
      refusal(nodeRestriction, request(slices, undefined, { user, operation: 'DELETE', name: 's', old: slice(node) }))
    expect([await create('n1'), await remove('n1')]).toEqual(['', ''])
    expect([await create(), await create('n2'), await remove('n2')]).toEqual([
      expect.stringContaining('can only create ResourceSlice with the same NodeName as the requesting node'),
      expect.stringContaining('can only create ResourceSlice'),
      expect.stringContaining('can only delete ResourceSlice with the same NodeName as the requesting node'),
    ])
  })

  it('gives no pod a claim that it would like to read', async () => {
    const pod = (status: object) => ({ metadata: { name: 'p', namespace: 'a' }, spec: { nodeName: 'n1' }, status })
    const write = (now: object, before: object) =>
      refusal(
        nodeRestriction,
        request('/pods', pod(now), { user, operation: 'UPDATE', subresource: 'status', old: pod(before) }),
      )
    const named = { resourceClaimStatuses: [{ name: 'g', resourceClaimName: 'c' }] }
    expect(await write({ phase: 'Running', ...named }, named)).toBe('')
    expect(await write(named, {})).toContain('node "n1" cannot update resource claim statues')
    expect(await write({ extendedResourceClaimStatus: { resourceClaimName: 'c' } }, {})).toContain(
      'node "n1" cannot update extended resource claim status',
    )
  })
})
