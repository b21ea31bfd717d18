import type { PersistentVolumeClaimSpec, PersistentVolumeSpec } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims, persistentVolumes, storageClasses } from '#shared/kube/resources.ts'
import { pod, storageClass, volume, volumeClaim } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { withRestarts } from '../framework/testing/restarts.ts'
import { persistentVolumeController } from './controller.ts'

const start = (...objects: KubeObject[]) => harness((parts) => [persistentVolumeController(parts)], objects)
const claimOf = (h: Harness, name: string) => h.client.find(persistentVolumeClaims, { namespace: 'default', name })!
const volumeOf = (h: Harness, name: string) => h.client.find(persistentVolumes, { name })!

/** A volume, its phase and claim; a claim, its phase and volume. */
const shown = (h: Harness): string[] => [
  ...h.client
    .stored(persistentVolumes)
    .map(({ metadata, spec, status }) =>
      [metadata?.name, status?.phase, spec?.claimRef && `← ${spec.claimRef.name}`].filter(Boolean).join(' '),
    ),
  ...h.client
    .stored(persistentVolumeClaims)
    .map(({ metadata, spec, status }) =>
      [metadata?.name, status?.phase, spec?.volumeName && `→ ${spec.volumeName}`].filter(Boolean).join(' '),
    ),
]

const big = (storage: string, spec: PersistentVolumeSpec = {}) => ({ spec: { capacity: { storage }, ...spec } })
const wanting = (storage: string, spec: Partial<PersistentVolumeClaimSpec> = {}) => ({
  spec: { resources: { requests: { storage } }, ...spec } as PersistentVolumeClaimSpec,
})
const referenceTo = (claim: string, uid?: string) => ({
  kind: 'PersistentVolumeClaim',
  namespace: 'default',
  name: claim,
  ...(uid ? { uid } : {}),
})

describe('a claim', () => {
  it('is bound to a free volume in four writes, volume first, and knows what it has got', async () => {
    await using h = await start(volume('v', big('2Gi')), volumeClaim('c'))
    await h.run(10)
    expect(shown(h)).toEqual(['v Bound ← c', 'c Bound → v'])
    const { metadata, status } = claimOf(h, 'c')
    expect(metadata?.annotations).toEqual({
      'pv.kubernetes.io/bind-completed': 'yes',
      'pv.kubernetes.io/bound-by-controller': 'yes',
    })
    expect(status).toEqual({ phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '2Gi' } })
    expect(volumeOf(h, 'v').metadata?.annotations).toEqual({ 'pv.kubernetes.io/bound-by-controller': 'yes' })
    expect(volumeOf(h, 'v').spec?.claimRef).toMatchObject({ apiVersion: 'v1', uid: 'c-uid', ...referenceTo('c') })
    const bindings = h.client.writes('update').slice(-4)
    expect(bindings.map(({ resource, subresource }) => `${resource} ${subresource}`.trim())).toEqual([
      'persistentvolumes',
      'persistentvolumes status',
      'persistentvolumeclaims',
      'persistentvolumeclaims status',
    ])
  })

  it('gets the smallest volume that is large enough', async () => {
    await using h = await start(
      volume('small', big('500Mi')),
      volume('large', big('10Gi')),
      volume('fit', big('1100Mi')),
      volumeClaim('c'),
    )
    await h.run(10)
    expect(shown(h)).toContain('c Bound → fit')
  })

  it('prefers a volume that can do no more than it asks, and takes none that can do less', async () => {
    await using h = await start(
      volume('many', big('1Gi', { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] })),
      volume('once', big('5Gi')),
      volumeClaim('a'),
      volumeClaim('b', wanting('1Gi', { accessModes: ['ReadWriteMany'] })),
      volumeClaim('d', wanting('1Gi', { accessModes: ['ReadOnlyMany'] })),
    )
    await h.run(10)
    expect(shown(h).slice(2)).toEqual(['a Bound → once', 'b Bound → many', 'd Pending'])
  })

  it('takes only volumes of its class, mode and selector', async () => {
    await using h = await start(
      volume('classed', big('1Gi', { storageClassName: 'fast' })),
      volume('block', big('1Gi', { volumeMode: 'Block' })),
      volume('labelled', { metadata: { labels: { tier: 'gold' } } }),
      volumeClaim('a', wanting('1Gi', { selector: { matchLabels: { tier: 'gold' } } })),
      volumeClaim('b', wanting('1Gi', { storageClassName: 'fast' })),
      volumeClaim('d', wanting('1Gi', { volumeMode: 'Block' })),
      volumeClaim('e', wanting('1Gi', { selector: { matchLabels: { tier: 'lead' } } })),
    )
    await h.run(10)
    expect(shown(h).slice(3)).toEqual(['a Bound → labelled', 'b Bound → classed', 'd Bound → block', 'e Pending'])
  })

  it('waits without a volume, says why, and is bound when one comes', async () => {
    await using h = await start(volumeClaim('c'))
    await h.run(10)
    expect(h.events()).toEqual([
      'FailedBinding: no persistent volumes available for this claim and no storage class is set',
    ])
    h.client.seed(volume('v'))
    await h.run(10)
    expect(shown(h)).toEqual(['v Bound ← c', 'c Bound → v'])
  })

  it('is not given a volume that is being deleted', async () => {
    const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['kubernetes.io/pv-protection'] }
    await using h = await start(volume('v', { metadata }), volumeClaim('c'))
    await h.run(10)
    expect(shown(h)).toEqual(['v Available', 'c Pending'])
  })
})

describe('a claim that names its volume', () => {
  const naming = (volumeName: string, spec: Partial<PersistentVolumeClaimSpec> = {}) =>
    volumeClaim('c', wanting('1Gi', { volumeName, ...spec }))

  it('waits for it, and is not marked as bound by the controller', async () => {
    await using h = await start(volume('other'), naming('v'))
    await h.run(10)
    expect(shown(h)).toEqual(['other Available', 'c Pending → v'])
    h.client.seed(volume('v'))
    await h.run(10)
    expect(shown(h)).toEqual(['other Available', 'v Bound ← c', 'c Bound → v'])
    expect(claimOf(h, 'c').metadata?.annotations).toEqual({ 'pv.kubernetes.io/bind-completed': 'yes' })
  })

  it.each([
    [big('1Mi'), 'requested PV is too small'],
    [big('1Gi', { storageClassName: 'x' }), 'storageClassName does not match'],
    [big('1Gi', { volumeMode: 'Block' }), 'incompatible volumeMode'],
    [big('1Gi', { accessModes: ['ReadOnlyMany'] }), 'incompatible accessMode'],
  ])('is told what is wrong with it: %o', async (parts, why) => {
    await using h = await start(volume('v', parts), naming('v'))
    await h.run(10)
    expect(h.events()).toEqual([`VolumeMismatch: Cannot bind to requested volume "v": ${why}`])
    expect(shown(h)).toEqual(['v Available', 'c Pending → v'])
  })

  it('is told when another has it', async () => {
    await using h = await start(
      volume('v', big('1Gi', { claimRef: referenceTo('z', 'z-uid') })),
      volumeClaim('z', { metadata: { uid: 'z-uid' } }),
      naming('v'),
    )
    await h.run(10)
    expect(h.events()).toContain('FailedBinding: volume "v" already bound to a different claim.')
    expect(shown(h)).toEqual(['v Bound ← z', 'z Bound → v', 'c Pending → v'])
  })
})

describe('a volume that names its claim', () => {
  const meant = volume('v', big('1Gi', { claimRef: referenceTo('c') }))

  it('waits for a claim that comes later, and is given to no other', async () => {
    await using h = await start(meant, volumeClaim('other'))
    await h.run(10)
    expect(shown(h)).toEqual(['v Available ← c', 'other Pending'])
    h.client.seed(volumeClaim('c'))
    await h.run(10)
    expect(shown(h)).toEqual(['v Bound ← c', 'other Pending', 'c Bound → v'])
    expect(volumeOf(h, 'v').metadata?.annotations).toBeUndefined()
  })

  it('is passed over while it is too small, and bound to nobody', async () => {
    await using h = await start(meant, volumeClaim('c', wanting('5Gi')))
    await h.run(10)
    expect(shown(h)).toEqual(['v Available ← c', 'c Pending'])
  })

  it('is found even by a claim that waits for its first consumer', async () => {
    const late = storageClass('late', { volumeBindingMode: 'WaitForFirstConsumer' })
    const spec = { storageClassName: 'late' }
    await using h = await start(
      late,
      volume('free', big('1Gi', spec)),
      volume('v', big('1Gi', { ...spec, claimRef: referenceTo('c') })),
      volumeClaim('c', wanting('1Gi', spec)),
    )
    await h.run(10)
    expect(shown(h)).toEqual(['free Available', 'v Bound ← c', 'c Bound → v'])
  })

  it('tells both sides when their modes do not go together', async () => {
    await using h = await start(
      volume('v', big('1Gi', { volumeMode: 'Block', claimRef: referenceTo('c', 'c-uid') })),
      volumeClaim('c'),
    )
    await h.run(10)
    expect(h.events()).toEqual(
      expect.arrayContaining([
        'VolumeMismatch: Cannot bind PersistentVolume to requested PersistentVolumeClaim "c" due to incompatible volumeMode.',
        'VolumeMismatch: Cannot bind PersistentVolume "v" to requested PersistentVolumeClaim due to incompatible volumeMode.',
      ]),
    )
  })
})

describe('races', () => {
  it('of two claims for one volume are won by one of them', async () => {
    await using h = await start(volumeClaim('a'), volumeClaim('b'))
    h.client.seed(volume('v'))
    await h.run(1000)
    const [first, ...claims] = shown(h)
    expect(first).toMatch(/^v Bound ← [ab]$/)
    const winner = first!.at(-1)
    expect(claims).toEqual(['a', 'b'].map((name) => (name === winner ? `${name} Bound → v` : `${name} Pending`)))
  })

  it('with another controller that gives the claim a second volume end with the second one free again', async () => {
    const bound = big('1Gi', { claimRef: referenceTo('c', 'c-uid') })
    const marked = { metadata: { annotations: { 'pv.kubernetes.io/bound-by-controller': 'yes' } } }
    await using h = await start(
      volume('a', bound),
      volume('b', { ...bound, ...marked }),
      volumeClaim('c', wanting('1Gi', { volumeName: 'a' })),
    )
    await h.run(10)
    expect(shown(h)).toEqual(['a Bound ← c', 'b Available', 'c Bound → a'])
  })

  it('leave a volume that the user reserved reserved', async () => {
    const bound = big('1Gi', { claimRef: referenceTo('c', 'c-uid') })
    await using h = await start(
      volume('a', bound),
      volume('b', bound),
      volumeClaim('c', wanting('1Gi', { volumeName: 'a' })),
    )
    await h.run(10)
    expect(shown(h)).toEqual(['a Bound ← c', 'b Available ← c', 'c Bound → a'])
    expect(volumeOf(h, 'b').spec?.claimRef?.uid).toBeUndefined()
  })

  it('a claim deleted while it is being bound releases its volume', async () => {
    await using h = await start(volume('v'))
    h.client.react('update', 'persistentvolumes', ({ subresource }) => {
      if (!subresource && h.client.find(persistentVolumeClaims, { namespace: 'default', name: 'c' }))
        h.client.remove(persistentVolumeClaims, { namespace: 'default', name: 'c' })
    })
    h.client.seed(volumeClaim('c'))
    await h.run(1000)
    expect(shown(h)).toEqual(['v Released ← c'])
  })

  it('a claim of the same name that comes later does not get the volume of the one before', async () => {
    await using h = await start(volume('v'), volumeClaim('c'))
    await h.run(10)
    h.client.remove(persistentVolumeClaims, { namespace: 'default', name: 'c' })
    h.client.seed(volumeClaim('c', { metadata: { uid: 'another' } }))
    await h.run(1000)
    expect(shown(h)).toEqual(['v Released ← c', 'c Pending'])
  })

  it('a cache that does not know the claim yet releases no volume', async () => {
    await using h = await start()
    h.client.react('get', 'persistentvolumeclaims', () => volumeClaim('c', wanting('1Gi', { volumeName: 'v' })))
    h.client.seed(volume('v', big('1Gi', { claimRef: referenceTo('c', 'c-uid') })))
    await h.run(1000)
    expect(shown(h)).toEqual(['v Bound ← c'])
  })

  it('a cache that does not know the volume yet loses no claim', async () => {
    const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' }
    await using h = await start()
    h.client.react('get', 'persistentvolumes', () => volume('v', big('1Gi', { claimRef: referenceTo('c', 'c-uid') })))
    const status = { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } }
    h.client.seed(volumeClaim('c', { metadata: { annotations }, ...wanting('1Gi', { volumeName: 'v' }), status }))
    await h.run(10)
    expect(claimOf(h, 'c').status?.phase).toBe('Bound')
  })

  it('come to the same end though the process dies after every write', async () => {
    const names = ['a', 'b', 'd']
    const { writes, last, deaths } = await withRestarts(
      (parts) => [persistentVolumeController(parts)],
      [...names.map((name) => volume(`v${name}`)), ...names.map((name) => volumeClaim(name)), volumeClaim('e')],
      () => false,
    )
    const claims = last.client.stored(persistentVolumeClaims)
    expect(claims.map(({ status }) => status?.phase)).toEqual(['Bound', 'Bound', 'Bound', 'Pending'])
    expect(new Set(claims.map(({ spec }) => spec?.volumeName)).size).toBe(4)
    expect([deaths >= 12, writes.filter((write) => write.includes('persistentvolumes')).length <= 12]).toEqual([
      true,
      true,
    ])
  })
})

describe('a bound claim', () => {
  const bound = (volumeName?: string) =>
    volumeClaim('c', {
      metadata: { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } },
      ...wanting('1Gi', volumeName ? { volumeName } : {}),
      status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } },
    })

  it.each([
    [[], 'v', 'ClaimLost: Bound claim has lost its PersistentVolume. Data on the volume is lost!'],
    [[], '', 'ClaimLost: Bound claim has lost reference to PersistentVolume. Data on the volume is lost!'],
    [
      [volume('v', big('1Gi', { claimRef: referenceTo('z', 'z-uid') }))],
      'v',
      'ClaimMisbound: Two claims are bound to the same volume, this one is bound incorrectly',
    ],
  ])('without its volume is lost, once and for all', async (others, volumeName, told) => {
    await using h = await start(...others, bound(volumeName))
    await h.run(10)
    expect(h.events()).toEqual([told])
    expect(claimOf(h, 'c').status).toEqual({ phase: 'Lost' })
  })

  it('is bound again to a volume that has forgotten it', async () => {
    await using h = await start(volume('v'), bound('v'))
    await h.run(10)
    expect(shown(h)).toEqual(['v Bound ← c', 'c Bound → v'])
  })

  it('keeps the capacity that an expansion is at', async () => {
    await using h = await start(volume('v', big('5Gi', { claimRef: referenceTo('c', 'c-uid') })), bound('v'))
    await h.run(10)
    expect(claimOf(h, 'c').status?.capacity).toEqual({ storage: '1Gi' })
  })
})

describe('a volume whose claim is gone', () => {
  const left = (persistentVolumeReclaimPolicy: string, spec: PersistentVolumeSpec = {}, provisioner?: string) =>
    volume('v', {
      ...(provisioner ? { metadata: { annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } } } : {}),
      spec: { ...volume('v').spec, persistentVolumeReclaimPolicy, claimRef: referenceTo('c', 'c-uid'), ...spec },
      status: { phase: 'Bound' },
    })

  it.each([
    ['Retain', left('Retain'), 'Released', []],
    ['Recycle', left('Recycle'), 'Failed', ['VolumeFailedRecycle: No recycler plugin found for the volume!']],
    ['Delete, by a provisioner', left('Delete', {}, 'example.com/disks'), 'Released', []],
    [
      'Delete, by nobody',
      left('Delete'),
      'Failed',
      ['VolumeFailedDelete: error getting deleter volume plugin for volume "v": no deletable volume plugin matched'],
    ],
  ])('is treated as its policy says: %s', async (_, object, phase, told) => {
    await using h = await start(object)
    await h.run(10)
    expect([volumeOf(h, 'v').status?.phase, h.events()]).toEqual([phase, told])
  })

  it('is free again when somebody takes its reference away', async () => {
    await using h = await start(left('Retain'), volumeClaim('d'))
    await h.run(10)
    h.client.change(persistentVolumes, { name: 'v' }, ({ spec }) => delete spec?.claimRef)
    await h.run(10)
    expect(shown(h)).toEqual(['v Bound ← d', 'd Bound → v'])
  })
})

describe('a storage class', () => {
  const late = storageClass('late', { volumeBindingMode: 'WaitForFirstConsumer' })
  const of = (storageClassName: string, metadata = {}) =>
    volumeClaim('c', { metadata, ...wanting('1Gi', { storageClassName }) })
  const mounting = pod('web', {
    spec: { containers: [], volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'c' } }] },
  })

  it('has its provisioner asked for a volume, which is bound when it comes', async () => {
    await using h = await start(storageClass('fast'), of('fast'))
    await h.run(10)
    const { annotations } = claimOf(h, 'c').metadata!
    expect(annotations).toMatchObject({
      'volume.kubernetes.io/storage-provisioner': 'example.com/disks',
      'volume.beta.kubernetes.io/storage-provisioner': 'example.com/disks',
    })
    expect(h.events()).toEqual([
      expect.stringMatching(
        /^ExternalProvisioning: Waiting for a volume to be created either by the external provisioner 'example.com\/disks' or /,
      ),
    ])
    h.client.seed(volume('v', big('1Gi', { storageClassName: 'fast', claimRef: referenceTo('c', 'c-uid') })))
    await h.run(10)
    expect(shown(h)).toEqual(['v Bound ← c', 'c Bound → v'])
  })

  it('that waits for the first consumer leaves free volumes to the scheduler, and says for whom it waits', async () => {
    await using h = await start(late, volume('v', big('1Gi', { storageClassName: 'late' })), of('late'))
    await h.run(10)
    expect(shown(h)).toEqual(['v Available', 'c Pending'])
    expect(h.events()).toEqual(['WaitForFirstConsumer: waiting for first consumer to be created before binding'])
    h.client.seed(mounting)
    await h.run(10)
    expect(h.events()).toContain('WaitForPodScheduled: waiting for pod web to be scheduled')
    // The scheduler chooses by writing into the volume.
    h.client.change(persistentVolumes, { name: 'v' }, ({ spec }) => (spec!.claimRef = referenceTo('c', 'c-uid')))
    await h.run(10)
    expect(shown(h)).toEqual(['v Bound ← c', 'c Bound → v'])
  })

  it('that waits has a volume made once the scheduler has chosen a node', async () => {
    await using h = await start(late, of('late'))
    await h.run(10)
    h.client.change(persistentVolumeClaims, { namespace: 'default', name: 'c' }, ({ metadata }) => {
      metadata!.annotations = { 'volume.kubernetes.io/selected-node': 'n' }
    })
    await h.run(10)
    expect(claimOf(h, 'c').metadata?.annotations).toMatchObject({
      'volume.kubernetes.io/storage-provisioner': 'example.com/disks',
    })
  })

  it.each([
    [[], 'storageclass.storage.k8s.io "fast" not found'],
    [
      [storageClass('fast', { provisioner: 'kubernetes.io/no-provisioner' })],
      'no volume plugin matched name: kubernetes.io/no-provisioner',
    ],
  ])('that cannot make a volume is told', async (classes, text) => {
    await using h = await start(...classes, of('fast'))
    await h.run(10)
    expect(h.events()).toEqual([`ProvisioningFailed: ${text}`])
  })

  it('that becomes the default is given to claims that wait for one, and to no claim that wants none', async () => {
    await using h = await start(
      storageClass('fast'),
      volumeClaim('c'),
      volumeClaim('none', wanting('1Gi', { storageClassName: '' })),
    )
    await h.run(10)
    expect(claimOf(h, 'c').spec?.storageClassName).toBeUndefined()
    h.client.change(storageClasses, { name: 'fast' }, ({ metadata }) => {
      metadata!.annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' }
    })
    await h.run(10)
    expect(claimOf(h, 'c').spec?.storageClassName).toBe('fast')
    expect(claimOf(h, 'c').metadata?.annotations?.['volume.kubernetes.io/storage-provisioner']).toBe(
      'example.com/disks',
    )
    expect(claimOf(h, 'none').spec?.storageClassName).toBe('')
  })

  it('of several defaults is the newest', async () => {
    const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' }
    const made = (name: string, creationTimestamp: string) =>
      storageClass(name, { metadata: { annotations, creationTimestamp } })
    await using h = await start(made('a', '2026-01-01T00:00:00Z'), made('b', '2026-02-01T00:00:00Z'), volumeClaim('c'))
    await h.run(10)
    expect(claimOf(h, 'c').spec?.storageClassName).toBe('b')
  })
})
