import { readFileSync } from 'node:fs'
import type { Pod } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { up, type TestCluster } from '../support/cluster.ts'
import { eventually } from '../support/wait.ts'

const patience = 50_000
const able = process.platform === 'linux' && process.getuid?.() === 0

const pod = (name: string, spec: string, script: string, container = '') => `
---
apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
${spec
  .split('\n')
  .filter((line) => line.trim())
  .map((line) => `  ${line.trim()}`)
  .join('\n')}
  containers:
    - { name: main, image: wheelhouse/shell, command: [sh, -c, ${JSON.stringify(script)}]${container} }
`

const manifest = [
  pod('hosts', 'hostNetwork: true', 'cat /etc/hosts'),
  pod(
    'settings',
    'securityContext: { sysctls: [{ name: kernel.shm_rmid_forced, value: "1" }] }',
    'cat /proc/sys/kernel/shm_rmid_forced',
  ),
  pod(
    'volume',
    'volumes: [{ name: v, image: { reference: wheelhouse/shell } }]',
    'ls -d /v/usr/bin/sh; (echo x > /v/x) 2> /dev/null || echo refused',
    ', volumeMounts: [{ name: v, mountPath: /v }]',
  ),
  pod(
    'variable',
    `volumes: [{ name: v, emptyDir: {} }]
     initContainers: [{ name: write, image: wheelhouse/shell, command: [sh, -c, "echo \\"A='from a file'\\" > /v/env"], volumeMounts: [{ name: v, mountPath: /v }] }]`,
    'echo $A',
    ', env: [{ name: A, valueFrom: { fileKeyRef: { volumeName: v, path: env, key: A } } }]',
  ),
  pod('failing', 'initContainers: [{ name: first, image: wheelhouse/shell, command: ["false"] }]', 'true'),
  pod('target', '', 'sleep 1234; true'),
].join('')

/** What pods may ask of the node, as the conformance suite asks it. */
describe.skipIf(!able)('the node of root on Linux', () => {
  let cluster: TestCluster
  const get = (name: string) => cluster.kubectl.json<Pod>('get', 'pod', name)
  const said = async (name: string) => {
    await eventually(
      `the end of ${name}`,
      async () => /Succeeded|Failed/.test((await get(name)).status?.phase ?? ''),
      patience,
    )
    return cluster.kubectl('logs', name, '-c', 'main')
  }

  beforeAll(async () => {
    cluster = await up()
    const { code, stderr } = await cluster.kubectl.run(['apply', '-f', '-'], manifest)
    if (code) throw new Error(stderr)
  })
  afterAll(() => cluster[Symbol.asyncDispose]())

  it("shows a pod on its network the machine's hosts, and does not call them its own", async () => {
    const hosts = readFileSync('/etc/hosts', 'utf8').trimEnd()
    expect(await said('hosts')).toBe(`# Kubernetes-managed hosts file (host network).\n${hosts}\n`)
  })

  it('sets the safe sysctls', async () => {
    expect(await said('settings')).toBe('1\n')
  })

  it('mounts images, and takes variables from files', async () => {
    expect(await said('volume')).toBe('/v/usr/bin/sh\nrefused\n')
    expect(await said('variable')).toBe('from a file\n')
  })

  it('leaves the containers of a pod that could not be initialized waiting, and those ready that have initialized it', async () => {
    await said('variable')
    expect((await get('variable')).status?.initContainerStatuses?.[0]?.ready).toBe(true)
    await eventually('the failure', async () => (await get('failing')).status?.phase === 'Failed', patience)
    const { conditions, containerStatuses } = (await get('failing')).status!
    expect(containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing')
    expect(conditions?.find(({ type }) => type === 'Initialized')).toMatchObject({
      status: 'False',
      message: 'containers with incomplete status: [first]',
    })
  })

  it('lets a debugger see the processes of its target', async () => {
    await cluster.kubectl('wait', '--for=condition=Ready', 'pod/target', '--timeout=60s')
    const debug = ['debug', 'target', '--image=wheelhouse/shell', '--target=main', '--container=look']
    await cluster.kubectl(...debug, '--', 'ps')
    const seen = async () => (await cluster.kubectl('logs', 'target', '-c', 'look')).includes('sleep 1234')
    await eventually('what it sees', seen, patience)
  })
})
