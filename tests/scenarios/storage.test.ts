import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/wait.ts'

const folder = temporaryFolder()
const data = path.join(folder.path, 'data')
const directories = path.join(data, 'nodes', 'wheelhouse', 'volumes')
let cluster: TestCluster

const launch = async () => {
  cluster = await up(['--nodes', 'process=1,simulated=1'], data)
}
const k = (...args: string[]) => cluster.kubectl(...args)
const apply = async (text: string) => {
  const { code, stderr } = await cluster.kubectl.run(['apply', '-f', '-'], text)
  expect([code, stderr]).toEqual([0, ''])
}
const claimed = (name: string) => cluster.kubectl.json<PersistentVolumeClaim>('get', 'pvc', name)

/** Binds before there is a pod; where is said by the class. */
const storageClass = (name: string, node: string) => `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: { name: ${name} }
provisioner: wheelhouse.dev/host-directory
allowVolumeExpansion: true
allowedTopologies: [{ matchLabelExpressions: [{ key: kubernetes.io/hostname, values: [${node}] }] }]
---`

const claim = (name: string, className: string) => `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: ${name} }
spec: { storageClassName: ${className}, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
---`

const container = `name: c, image: wheelhouse/shell, command: [sh, -c, "trap exit TERM; while true; do sleep 0.2; done"]`
const mounts = (more: string) => `volumeMounts: [{ name: data, mountPath: /data }${more}]`

const pod = (name: string, claimName: string) => `
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ ${container}, ${mounts(', { name: data, mountPath: /read, subPath: sub, readOnly: true }')} }]
  volumes: [{ name: data, persistentVolumeClaim: { claimName: ${claimName} } }]
---`

const set = `
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  serviceName: db
  replicas: 2
  podManagementPolicy: Parallel
  selector: { matchLabels: { app: db } }
  template:
    metadata: { labels: { app: db } }
    spec: { terminationGracePeriodSeconds: 1, containers: [{ ${container}, ${mounts('')} }] }
  volumeClaimTemplates:
    - metadata: { name: data }
      spec: { storageClassName: here, accessModes: [ReadWriteOnce], resources: { requests: { storage: 1Gi } } }
`

const ready = async (...pods: string[]) => {
  await eventually(`${pods.join()} to be there`, async () => !(await cluster.kubectl.run(['get', 'pod', ...pods])).code)
  await k('wait', '--for=condition=Ready', ...pods.map((name) => `pod/${name}`), '--timeout=30s')
}
const write = (name: string, file: string, text: string) => k('exec', name, '--', 'sh', '-c', `echo ${text} > ${file}`)
const read = async (name: string, ...files: string[]) => (await k('exec', name, '--', 'cat', ...files)).trim()

beforeAll(async () => {
  await launch()
  const classes = storageClass('here', 'wheelhouse') + storageClass('rehearsed', 'simulated-1')
  await apply(classes + claim('files', 'here') + pod('first', 'files') + set)
  await ready('first', 'db-0', 'db-1')
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

it('a class for everyday use is there: the default, with volumes where their first pod runs', async () => {
  expect(await k('get', 'storageclass', 'standard', '--no-headers')).toMatch(
    /^standard \(default\) +wheelhouse.dev\/host-directory +Delete +WaitForFirstConsumer +true /,
  )
  await apply(claim('waiting', 'null'))
  await eventually('the claim to say what it waits for', async () =>
    (await k('describe', 'pvc', 'waiting')).includes('waiting for first consumer to be created before binding'),
  )
  expect((await claimed('waiting')).spec?.storageClassName).toBe('standard')
  await k('delete', 'pvc', 'waiting')
})

it('what a pod writes into its claim, the next pod finds; what is mounted read-only stays as it is', async () => {
  const script = 'echo kept > /data/file; echo below > /data/sub/file; echo no > /read/file'
  await cluster.kubectl.run(['exec', 'first', '--', 'sh', '-c', script])
  await k('delete', 'pod', 'first')
  await apply(pod('second', 'files'))
  await ready('second')
  expect(await read('second', '/data/file', '/read/file')).toBe('kept\nbelow')
})

it('a claim grows when it asks for more', async () => {
  await k('patch', 'pvc', 'files', '-p', '{"spec":{"resources":{"requests":{"storage":"3Gi"}}}}')
  await eventually('the claim to have it', async () => (await claimed('files')).status?.capacity?.['storage'] === '3Gi')
  const { volumeName = '' } = (await claimed('files')).spec ?? {}
  const volume = await cluster.kubectl.json<PersistentVolume>('get', 'pv', volumeName)
  expect(volume.spec?.capacity).toEqual({ storage: '3Gi' })
  await apply(storageClass('here', 'wheelhouse').replace('allowVolumeExpansion: true', 'allowVolumeExpansion: false'))
  const refused = await cluster.kubectl.run([
    'patch',
    'pvc',
    'files',
    '-p',
    '{"spec":{"resources":{"requests":{"storage":"4Gi"}}}}',
  ])
  expect(refused.stderr).toContain('only dynamically provisioned pvc can be resized')
})

it('each pod of a stateful set has data of its own, and finds it again', async () => {
  for (const name of ['db-0', 'db-1']) await write(name, '/data/own', name)
  await k('delete', 'pod', 'db-1')
  await ready('db-1')
  expect(await read('db-1', '/data/own')).toBe('db-1')
})

it('a restart of the cluster leaves everything where it was', async () => {
  await cluster[Symbol.asyncDispose]()
  await launch()
  await ready('second', 'db-0', 'db-1')
  // Until its agent is back, the API shows what it was told last.
  const found = await eventually(
    'the pods to answer',
    () => Promise.all([read('second', '/data/file'), read('db-0', '/data/own'), read('db-1', '/data/own')]),
    40_000,
  )
  expect(found).toEqual(['kept', 'db-0', 'db-1'])
})

it('a claim stays while a pod uses it, then goes with its volume and the directory', async () => {
  const { volumeName = '' } = (await claimed('files')).spec ?? {}
  expect(existsSync(path.join(directories, volumeName, 'file'))).toBe(true)
  await k('delete', 'pvc', 'files', '--wait=false')
  expect(await k('get', 'pvc', 'files', '--no-headers')).toContain('Terminating')
  await k('delete', 'pod', 'second')
  await k('wait', '--for=delete', 'pvc/files', `pv/${volumeName}`, '--timeout=20s')
  expect(existsSync(path.join(directories, volumeName))).toBe(false)
  expect(readdirSync(directories)).toHaveLength(2)
})

it('claims are bound likewise on simulated nodes, without a directory', async () => {
  await apply(claim('rehearsal', 'rehearsed'))
  await eventually('the claim to be bound', async () => (await claimed('rehearsal')).status?.phase === 'Bound')
  expect(readdirSync(directories)).toHaveLength(2)
  const { volumeName = '' } = (await claimed('rehearsal')).spec ?? {}
  await k('delete', 'pvc', 'rehearsal')
  await k('wait', '--for=delete', `pv/${volumeName}`, '--timeout=20s')
})
