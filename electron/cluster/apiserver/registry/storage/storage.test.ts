import { describe, expect, it } from 'vitest'
import { create, update } from '../testing/rules.ts'
import { csiDriver } from './csi-driver.ts'
import { csiNode } from './csi-node.ts'
import { csiStorageCapacity } from './csi-storage-capacity.ts'
import { storageClass } from './storage-class.ts'
import { volumeAttachment } from './volume-attachment.ts'
import { volumeAttributesClass } from './volume-attributes-class.ts'

describe('storage classes', () => {
  const zone = (...values: string[]) => ({ matchLabelExpressions: [{ key: 'zone', values }] })
  const errorsOf = (...allowedTopologies: object[]) =>
    create(storageClass, { metadata: { name: 's' }, provisioner: 'example.com/disk', allowedTopologies }).errors

  it('name each topology once, in whatever order', () => {
    expect(errorsOf(zone('a', 'b'), zone('a'))).toEqual([])
    expect(errorsOf(zone('a', 'b'), zone('b', 'a'))).toEqual([
      'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
    ])
    expect(errorsOf({ matchLabelExpressions: [] })).toEqual([
      'allowedTopologies[0].matchLabelExpressions: Duplicate value: ""',
    ])
  })

  it('warn of labels that have newer names', () => {
    const key = 'failure-domain.beta.kubernetes.io/zone'
    const object = { allowedTopologies: [{ matchLabelExpressions: [{ key, values: ['a'] }] }] }
    expect(storageClass.strategy.warnings?.(object, undefined)).toEqual([
      'allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    ])
  })
})

describe('volume attachments', () => {
  const attach = (source: object) =>
    create(volumeAttachment, { metadata: { name: 'a' }, spec: { attacher: 'csi.example.com', nodeName: 'n', source } })

  it('attach a volume by its name, or one that stands within', () => {
    expect(attach({ persistentVolumeName: 'v' }).errors).toEqual([])
    expect(attach({}).errors).toEqual([
      'spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName',
    ])
    expect(attach({ inlineVolumeSpec: { accessModes: ['ReadWriteOnce'] } }).errors).toContain(
      'spec.source.inlineVolumeSpec: Required value: must specify a volume type',
    )
  })

  it('have an attacher, which is missed each time that the object is looked at', () => {
    const source = { persistentVolumeName: 'v' }
    const { object } = attach(source)
    const bare = { metadata: { name: 'a' }, spec: { nodeName: 'n', source } }
    expect(create(volumeAttachment, bare).errors).toEqual(['spec.attacher: Required value'])
    const { errors } = update(volumeAttachment, object, (now) => delete now.spec!.attacher)
    const missing = 'spec.attacher: Required value'
    expect(errors).toEqual([missing, missing, expect.stringContaining('spec: Invalid value') as string])
  })

  it('tell of errors with numbers from zero on', () => {
    const { object } = attach({ persistentVolumeName: 'v' })
    const attachError = { errorCode: -1 } as object
    const { errors } = update(volumeAttachment, object, (now) => (now.status = { attachError }), 'status')
    const text = 'status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive'
    expect(errors).toEqual([text, text])
  })
})

describe('classes of volume attributes', () => {
  it('never change, which is told before what is wrong', () => {
    const object = { metadata: { name: 'c' }, driverName: 'd', parameters: { a: 'b' } }
    const { errors } = update(volumeAttributesClass, object, (now) => (now.driverName = ''))
    expect(errors).toEqual(['driverName: Invalid value: "": field is immutable', 'driverName: Required value'])
  })
})

describe('capacities', () => {
  it('are looked at as a whole when they change', () => {
    const object = { metadata: { name: 'c' }, storageClassName: 's', capacity: '1Gi' }
    const { errors } = update(csiStorageCapacity, object, (now) => (now.capacity = '-1'))
    expect(errors).toEqual(['capacity: Invalid value: "-1": must be greater than or equal to 0'])
  })
})

describe('drivers', () => {
  it('hand out tokens in secrets only where they ask for tokens', () => {
    const errors = (tokenRequests: { audience: string }[]) =>
      create(csiDriver, {
        metadata: { name: 'd' },
        spec: { tokenRequests, serviceAccountTokenInSecrets: false } as object,
      }).errors
    expect(errors([{ audience: 'a' }])).toEqual([])
    expect(errors([])).toEqual([
      'spec.serviceAccountTokenInSecrets: Invalid value: false: serviceAccountTokenInSecrets is set but no tokenRequests are specified',
    ])
  })
  it('ask for one token of each audience', () => {
    const tokenRequests = [{ audience: 'a' }, { audience: 'a', expirationSeconds: 1 }]
    expect(create(csiDriver, { metadata: { name: 'd' }, spec: { tokenRequests } }).errors).toEqual([
      'spec.tokenRequests[1].audience: Duplicate value: "a"',
    ])
  })

  it('of a node never change but in what they have room for', () => {
    const { object } = create(csiNode, { metadata: { name: 'n' }, spec: { drivers: [{ name: 'd', nodeID: '1' }] } })
    const change = (more: object) =>
      update(csiNode, object, ({ spec }) => Object.assign(spec!.drivers![0]!, more)).errors
    expect(change({ allocatable: { count: 3 } })).toEqual([])
    expect(change({ nodeID: '2' })[0]).toMatch(/^spec.drivers: Invalid value: .*: field is immutable$/)
  })
})
