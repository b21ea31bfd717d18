import type { Pod } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { nodes, pods, volumeAttachments } from '#shared/kube/resources.ts'
import { node, pod, volume, volumeClaim } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { withRestarts } from '../framework/testing/restarts.ts'
import { attachDetachController } from './controller.ts'
import { attachmentName } from './volumes.ts'

const controllers = (parts: Pick<Harness, 'informers' | 'clock'>) => [attachDetachController(parts)]
const start = (...objects: KubeObject[]) => harness(controllers, objects)

const driver = (attachRequired: boolean) =>
  ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: 'disks' },
    spec: { attachRequired },
  }) as KubeObject
const host = (name: string, managed = 'true') =>
  node(name, {
    metadata: { annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': managed } },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  })
const disk = (accessModes = ['ReadWriteOnce']) => [
  volume('v', {
    spec: {
      accessModes,
      csi: { driver: 'disks', volumeHandle: 'h' },
      claimRef: { namespace: 'default', name: 'c', uid: 'c-uid' },
    },
  }),
  volumeClaim('c', { spec: { accessModes, volumeName: 'v' }, status: { phase: 'Bound' } }),
]
const user = (name: string, nodeName: string): Pod =>
  pod(name, {
    spec: {
      nodeName,
      containers: [{ name: 'c' }],
      volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'c' } }],
    },
    status: { phase: 'Running', containerStatuses: [{ name: 'c', state: { running: {} } }] as never },
  })
const onNode = 'kubernetes.io/csi/disks^h'
const attachments = (h: Harness) => h.client.stored(volumeAttachments)
const nodesOf = (h: Harness) => attachments(h).map(({ spec }) => spec.nodeName)
const reported = (h: Harness, name: string) =>
  h.client.find(nodes, { name })?.status?.volumesAttached?.map((each) => each.name) ?? []
const key = (name: string) => ({ namespace: 'default', name })
/** What the attacher of the driver does, which does not exist here. */
const answer = (h: Harness, status: object) =>
  h.client.change(volumeAttachments, { name: attachments(h)[0]!.metadata!.name! }, (each) =>
    Object.assign(each, { status }),
  )

describe('attaching', () => {
  it('asks the driver by a VolumeAttachment with the name that upstream gives it', async () => {
    await using h = await start(driver(true), host('n'), ...disk(), user('a', 'n'))
    expect(attachments(h)).toMatchObject([
      {
        metadata: { name: attachmentName('h', 'disks', 'n') },
        spec: { attacher: 'disks', nodeName: 'n', source: { persistentVolumeName: 'v' } },
      },
    ])
    // echo -n 'hdisksn' | sha256sum
    expect(attachmentName('h', 'disks', 'n')).toMatch(/^csi-[0-9a-f]{64}$/)
    expect(reported(h, 'n')).toEqual([])
  })

  it('tells the node and the pod when it is done', async () => {
    await using h = await start(driver(true), host('n'), ...disk(), user('a', 'n'))
    answer(h, { attached: true })
    await h.run()
    expect(reported(h, 'n')).toEqual([onNode])
    expect(h.events()).toEqual(['SuccessfulAttachVolume: AttachVolume.Attach succeeded for volume "v" '])
  })

  it.each([
    ['the driver wants none', [driver(false), host('n')], []],
    ['nobody described the driver: then it does', [host('n')], ['n']],
    ['the kubelet attaches itself', [driver(true), host('n', 'false')], []],
  ])('is done or not where %s', async (_, objects, expected) => {
    await using h = await start(...objects, ...disk(), user('a', 'n'))
    expect(nodesOf(h)).toEqual(expected)
  })

  it('waits for the claim to be bound', async () => {
    const [pv, claim] = disk()
    await using h = await start(driver(true), host('n'), pv!, user('a', 'n'))
    expect(nodesOf(h)).toEqual([])
    h.client.seed(claim!)
    await h.run()
    expect(nodesOf(h)).toEqual(['n'])
  })

  it('tells why the driver could not, and after two minutes that there is none', async () => {
    await using h = await start(driver(true), host('n'), ...disk(), user('a', 'n'))
    answer(h, { attached: false, attachError: { message: 'no such disk' } })
    await h.run()
    expect(h.events()).toEqual(['FailedAttachVolume: AttachVolume.Attach failed for volume "v" : no such disk'])
    answer(h, { attached: false })
    await h.run(130_000)
    expect(h.events()[1]).toBe(
      'FailedAttachVolume: AttachVolume.Attach failed for volume "v" : timed out waiting for external-attacher of disks CSI driver to attach volume h',
    )
  })
})

describe('a volume for one node only', () => {
  it('is not attached to a second, whose pod is told who has it', async () => {
    await using h = await start(driver(true), host('n'), host('m'), ...disk(), user('a', 'n'))
    h.client.seed(user('b', 'm'))
    await h.run(60_000)
    expect(nodesOf(h)).toEqual(['n'])
    expect(h.events()).toEqual([
      'FailedAttachVolume: Multi-Attach error for volume "v" Volume is already used by pod(s) a',
    ])
  })

  it('moves when the first pod is gone, after the driver has let go of it', async () => {
    await using h = await start(driver(true), host('n'), host('m'), ...disk(), user('a', 'n'))
    h.client.change(volumeAttachments, { name: attachments(h)[0]!.metadata!.name! }, (each) =>
      Object.assign(each.metadata!, { finalizers: ['external-attacher/disks'] }),
    )
    answer(h, { attached: true })
    h.client.seed(user('b', 'm'))
    await h.run()
    h.client.remove(pods, key('a'))
    await h.run()
    expect([nodesOf(h), reported(h, 'n')]).toEqual([['n'], []])
    expect(attachments(h)[0]?.metadata?.deletionTimestamp).toBeDefined()
    h.client.remove(volumeAttachments, { name: attachments(h)[0]!.metadata!.name! })
    await h.run()
    expect(nodesOf(h)).toEqual(['m'])
  })

  it('is attached to several where its access modes allow it', async () => {
    const shared = disk(['ReadWriteMany'])
    await using h = await start(driver(true), host('n'), host('m'), ...shared, user('a', 'n'), user('b', 'm'))
    expect(nodesOf(h).sort()).toEqual(['m', 'n'])
  })
})

describe('detaching', () => {
  const attached = async () => {
    const h = await start(driver(true), host('n'), ...disk(), user('a', 'n'))
    answer(h, { attached: true })
    await h.run()
    return h
  }

  it('takes the volume off the node before it deletes the attachment', async () => {
    await using h = await attached()
    const before = h.client.writes().length
    h.client.remove(pods, key('a'))
    await h.run()
    expect(
      h.client
        .writes()
        .slice(before)
        .map(({ verb, resource }) => `${verb} ${resource}`),
    ).toEqual(['patch nodes', 'delete volumeattachments'])
  })

  it('waits until the kubelet has unmounted, however long that takes on a node that is well', async () => {
    await using h = await attached()
    h.client.change(nodes, { name: 'n' }, (n) => (n.status!.volumesInUse = [onNode]))
    h.client.remove(pods, key('a'))
    await h.run(3600_000)
    expect(nodesOf(h)).toEqual(['n'])
    h.client.change(nodes, { name: 'n' }, (n) => (n.status!.volumesInUse = []))
    await h.run()
    expect(nodesOf(h)).toEqual([])
  })

  it('waits six minutes for a node that is not ready, and not at all for one that is out of service', async () => {
    for (const [taints, ms] of [
      [[], 370_000],
      [[{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }], 10],
    ] as const) {
      await using h = await attached()
      h.client.change(nodes, { name: 'n' }, (n) => {
        Object.assign(n.status!, { volumesInUse: [onNode], conditions: [{ type: 'Ready', status: 'Unknown' }] })
        n.spec = { taints: [...taints] }
      })
      h.client.remove(pods, key('a'))
      await h.run(taints.length ? 0 : 350_000)
      if (!taints.length) expect(nodesOf(h)).toEqual(['n'])
      await h.run(ms)
      expect(nodesOf(h)).toEqual([])
    }
  })

  it('waits six minutes for a node that is gone: nobody knows what it has mounted', async () => {
    await using h = await attached()
    h.client.remove(nodes, { name: 'n' })
    h.client.remove(pods, key('a'))
    await h.run(350_000)
    expect(nodesOf(h)).toEqual(['n'])
    await h.run(20_000)
    expect(nodesOf(h)).toEqual([])
  })

  it('comes when a pod has ended or its containers have stopped, not while they are being stopped', async () => {
    await using h = await attached()
    await h.client.delete(pods, key('a'))
    await h.run()
    expect(nodesOf(h)).toEqual(['n'])
    h.client.change(pods, key('a'), (p) =>
      Object.assign(p.status!, { containerStatuses: [{ name: 'c', state: { terminated: { exitCode: 0 } } }] }),
    )
    await h.run()
    expect(nodesOf(h)).toEqual([])
  })
})

it('leaves attachments alone that others made', async () => {
  const foreign = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    metadata: { name: 'by-hand' },
    spec: { attacher: 'disks', nodeName: 'n', source: { persistentVolumeName: 'v' } },
  } as KubeObject
  await using h = await start(driver(true), host('n'), ...disk(), foreign)
  await h.run(600_000)
  expect(attachments(h).map(({ metadata }) => metadata!.name)).toEqual(['by-hand'])
})

it('does nothing twice, however often it dies', async () => {
  const lives = await withRestarts(controllers, [driver(true), host('n'), ...disk(), user('a', 'n')], (h) => {
    const [attachment] = attachments(h)
    if (attachment && !attachment.status) {
      answer(h, { attached: true })
      return true
    }
    const running = h.client.find(pods, key('a'))
    if (running && reported(h, 'n').length) {
      h.client.remove(pods, key('a'))
      return true
    }
    return false
  })
  const name = attachmentName('h', 'disks', 'n')
  expect(lives.writes).toEqual([
    `create volumeattachments ${name}`,
    'patch nodes n',
    'patch nodes n',
    `delete volumeattachments ${name}`,
  ])
})
