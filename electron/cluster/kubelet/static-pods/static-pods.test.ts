import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { pods } from '#shared/kube/resources.ts'
import { Harness } from '../testing/harness.ts'
import { staticPod } from './manifest.ts'

vi.setConfig({ testTimeout: 30_000 })

let test: Harness
beforeEach(async () => {
  test = await new Harness().start()
})
afterEach(() => test.stop())

const manifest = (image = 'shop/web:1') => `
apiVersion: v1
kind: Pod
metadata: { name: edge, namespace: shop, labels: { app: edge } }
spec: { terminationGracePeriodSeconds: 5, containers: [{ name: web, image: '${image}' }] }
`
const key = { namespace: 'shop', name: 'edge-node-1' }
const file = () => path.join(test.directory, 'manifests', 'edge.yaml')
const mirror = () => test.pod('edge-node-1')

async function running(): Promise<void> {
  await writeFile(file(), manifest())
  await test.pass(5000)
  await test.until(() => mirror()?.status?.phase === 'Running')
}

describe('a static pod', () => {
  it('runs from its file and is shown by a mirror, with its status', async () => {
    await running()
    expect(mirror()?.metadata).toMatchObject({
      labels: { app: 'edge' },
      annotations: {
        'kubernetes.io/config.source': 'file',
        'kubernetes.io/config.mirror': expect.stringMatching(/^[0-9a-f]{32}$/) as string,
      },
      ownerReferences: [{ kind: 'Node', name: 'node-1', controller: true }],
    })
    expect(mirror()?.status?.containerStatuses?.[0]).toMatchObject({ name: 'web', ready: true })
    expect(test.kubelet?.find('shop', 'edge-node-1')?.metadata?.uid).toBe(
      mirror()?.metadata?.annotations?.['kubernetes.io/config.mirror'],
    )
  })

  it('goes on when its mirror is deleted, which comes back', async () => {
    await running()
    const { uid } = mirror()!.metadata!
    await test.client.delete(pods, key, { gracePeriodSeconds: 0 })
    await test.until(() => mirror() && mirror()!.metadata!.uid !== uid && mirror()!.status?.phase === 'Running')
    expect(test.runtime.calls.filter((call) => call.startsWith('stop'))).toEqual([])
  })

  it('ends with its file, its mirror after it', async () => {
    await running()
    await rm(file())
    await test.pass(5000)
    await test.until(() => !mirror())
    expect(test.runtime.calls).toContain('stop web 5')
    expect(test.runtime.pods.size).toBe(0)
  })

  it('is replaced when its file changes, one after the other', async () => {
    await running()
    const before = mirror()!.metadata!.annotations!['kubernetes.io/config.hash']
    await writeFile(file(), manifest('shop/web:2'))
    await test.pass(5000)
    await test.until(
      () => mirror()?.spec?.containers[0]?.image === 'shop/web:2' && mirror()?.status?.phase === 'Running',
    )
    expect(mirror()!.metadata!.annotations!['kubernetes.io/config.hash']).not.toBe(before)
    const order = test.runtime.calls.filter((call) => /^(stop|start|remove-sandbox)/.test(call))
    expect(order.indexOf('remove-sandbox edge-node-1')).toBeLessThan(order.lastIndexOf('start web'))
  })

  it('is taken over by the next agent', async () => {
    await running()
    await test.stopAgent()
    await test.start()
    await test.until(() => test.kubelet?.find('shop', 'edge-node-1'))
    await test.pass(6000)
    expect(test.runtime.calls.filter((call) => call.startsWith('start'))).toHaveLength(1)
    expect(mirror()?.status?.phase).toBe('Running')
  })

  it('that is wrong is left out, the others run', async () => {
    await writeFile(path.join(path.dirname(file()), 'broken.yaml'), 'kind: Pod\nmetadata: [')
    await running()
    expect(test.kubelet?.pods).toHaveLength(1)
  })
})

it('has the defaults that the API server would have given it', async () => {
  const { metadata, spec } = await staticPod(manifest('nginx'), 'f', 'Node-1', '2026-01-02T03:04:05Z')
  expect(metadata).toMatchObject({ name: 'edge-node-1', namespace: 'shop' })
  expect(spec?.containers[0]?.imagePullPolicy).toBe('Always')
  expect(spec).toMatchObject({ restartPolicy: 'Always', nodeName: 'Node-1' })
  await expect(staticPod('kind: Service', 'f', 'n', '')).rejects.toThrow('it is no Pod of v1')
})
