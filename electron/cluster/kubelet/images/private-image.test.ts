import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { Secret } from 'kubernetes-types/core/v1'
import { expect, it, vi } from 'vitest'
import { pod } from '../testing/builders.ts'
import { Harness } from '../testing/harness.ts'
import { PullRecords } from './pull-records.ts'

vi.setConfig({ testTimeout: 30_000 })

const image = 'registry.example.com/app:1'
const auths = { 'registry.example.com': { username: 'me', password: 'secret' } }
const secret: Secret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'pull', namespace: 'shop', uid: 'uid-pull' },
  type: 'kubernetes.io/dockerconfigjson',
  data: { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths })).toString('base64') },
}
const wanting = (name: string, spec = {}) =>
  pod({ metadata: { name, uid: `uid-${name}` }, spec, containers: [{ image, imagePullPolicy: 'IfNotPresent' }] })

it('a private image that one node of a machine has pulled is given on another only to who has the login', async () => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'wheelhouse-private-'))
  const nodes = [new Harness(), new Harness()] as const
  const [one, two] = nodes
  const pullRecords = new PullRecords(path.join(directory, 'image-pulls.json'))
  try {
    for (const node of nodes) {
      node.pullRecords = pullRecords
      node.client.seed(secret)
      await node.start()
    }
    one.run(wanting('first', { imagePullSecrets: [{ name: 'pull' }] }))
    await one.until(() => one.pod('first')?.status?.phase === 'Running')
    for (const [name, status] of one.runtime.present) two.runtime.present.set(name, status)

    two.run(wanting('entitled', { imagePullSecrets: [{ name: 'pull' }] }))
    await two.until(() => two.pod('entitled')?.status?.phase === 'Running')
    expect(two.runtime.calls).not.toContain(`pull ${image}`)
    two.runtime.onCall = (call) => {
      if (call.startsWith('pull ')) throw new Error('pull access denied')
    }
    two.run(wanting('stranger'))
    const waiting = () => two.pod('stranger')?.status?.containerStatuses?.[0]?.state?.waiting
    await two.until(() => waiting()?.reason === 'ErrImagePull')
    expect(waiting()?.message).toContain('pull access denied')
  } finally {
    for (const node of nodes) await node.stop()
    await rm(directory, { recursive: true, force: true })
  }
})
