import { afterAll, beforeAll, expect, it } from 'vitest'
import { up, type TestCluster } from '../support/cluster.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
let k: Kubectl

const manifests = `
apiVersion: v1
kind: Pod
metadata: { name: busy, labels: { app: busy } }
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: c
      image: wheelhouse/shell
      command: [sh, -c, "while :; do :; done"]
---
apiVersion: v1
kind: Pod
metadata: { name: rehearsed, labels: { app: rehearsed }, annotations: { wheelhouse.dev/usage-cpu: 250m } }
spec:
  nodeSelector: { wheelhouse.dev/simulated: "true" }
  tolerations: [{ key: wheelhouse.dev/simulated, operator: Exists }]
  containers: [{ name: c, image: registry.example.com/any:1, resources: { requests: { memory: 64Mi } } }]
`

beforeAll(async () => {
  cluster = await up(['--nodes', 'process=1,simulated=1'])
  k = cluster.kubectl
  await k.run(['apply', '-f', '-'], manifests)
})
afterAll(() => cluster?.[Symbol.asyncDispose]())

const used = async (pod: string): Promise<string[] | undefined> => {
  const { stdout } = await k.run(['top', 'pod', pod, '--no-headers'])
  return stdout ? stdout.trim().split(/\s+/).slice(1) : undefined
}

it('kubectl top shows the CPU that a busy pod really takes', async () => {
  await eventually('figures', async () => Number.parseInt((await used('busy'))?.[0] ?? '0', 10) > 100, 60_000)
})

it('kubectl top shows for a simulated pod what it is said to use', async () => {
  await eventually('figures', async () => (await used('rehearsed')) !== undefined, 20_000)
  expect(await used('rehearsed')).toEqual(['250m', '64Mi'])
})

it('kubectl top shows the nodes, the simulated one with what its pods use', async () => {
  const lines = (await k('top', 'nodes', '--no-headers')).trim().split('\n')
  expect(lines.map((line) => line.split(/\s+/)[0])).toEqual(['simulated-1', 'wheelhouse'])
  expect(lines[0]).toMatch(/^simulated-1 +250m +/)
})

it('kubectl shows the metrics as objects: in a table, narrowed by labels, refused to who may not see them', async () => {
  expect(await k('get', 'pods.metrics.k8s.io', '-l', 'app=rehearsed')).toMatch(
    /^NAME +CPU +MEMORY +WINDOW\nrehearsed +250m +64Mi +10s\n$/,
  )
  expect(await k.run(['get', 'pods.metrics.k8s.io', 'nobody'])).toMatchObject({
    code: 1,
    stderr: 'Error from server (NotFound): podmetrics.metrics.k8s.io "default/nobody" not found\n',
  })
  const { stderr } = await k.run(['top', 'pods', '--as=stranger'])
  expect(stderr).toContain('pods.metrics.k8s.io is forbidden: User "stranger" cannot list resource "pods"')
})
