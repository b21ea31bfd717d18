import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Pod } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { up, type TestCluster } from '../support/cluster.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

/** Root on Linux may make control groups and memory file systems; a container that is not isolated is in none. */
const isBounded = process.getuid?.() === 0 && process.env.WHEELHOUSE_ISOLATION !== 'none'

let cluster: TestCluster
let k: Kubectl
beforeAll(async () => {
  cluster = await up()
  k = cluster.kubectl
  const manifests = path.join(cluster.data, 'nodes/wheelhouse/manifests')
  mkdirSync(manifests, { recursive: true })
  const edge = pod('edge', { containers: [container('main', 'echo from a file; sleep 600')] })
  writeFileSync(path.join(manifests, 'edge.json'), JSON.stringify(edge))
  const sidecar = {
    ...container('proxy', 'trap "exit 0" TERM; while true; do sleep 0.2; done'),
    restartPolicy: 'Always',
  }
  const restartPolicyRules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }]
  const small = { cpu: '50m', memory: '64Mi' }
  // All at once: each takes its time to start.
  await apply(
    pod('batch', { restartPolicy: 'Never', initContainers: [sidecar], containers: [container('main', 'sleep 1')] }),
    pod('growing', {
      containers: [{ ...container('main', 'sleep 600'), resources: { requests: small, limits: small } }],
    }),
    pod('again', {
      restartPolicy: 'Never',
      initContainers: [container('setup', 'echo ready > /shared/state', shared)],
      containers: [
        // The first time only.
        {
          ...container('main', 'if [ ! -e /shared/done ]; then touch /shared/done; exit 42; fi; sleep 600', shared),
          restartPolicyRules,
          restartPolicy: 'Never',
        },
        container('other', 'sleep 600'),
      ],
      volumes: [{ name: 'shared', emptyDir: {} }],
    }),
    pod('hooked', {
      terminationGracePeriodSeconds: 6,
      containers: [
        {
          ...container('main', 'trap "exit 0" TERM; while true; do sleep 0.2; done', {
            volumeMounts: [...shared.volumeMounts, { name: 'kept', mountPath: '/kept' }],
          }),
          lifecycle: {
            postStart: { exec: { command: ['sh', '-c', 'echo started > /shared/log'] } },
            preStop: { exec: { command: ['sh', '-c', 'sleep 1; echo stopping > /kept/log'] } },
          },
        },
      ],
      volumes: [
        { name: 'shared', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
        { name: 'kept', hostPath: { path: kept(), type: 'DirectoryOrCreate' } },
      ],
    }),
    pod('hungry', {
      restartPolicy: 'Never',
      containers: [
        {
          ...container('main', ''),
          command: ['node', '-e', 'const held = []; while (held.length < 64) held.push(Buffer.alloc(1 << 22, 1))'],
          resources: { limits: { memory: '64Mi' } },
        },
      ],
    }),
  )
})
afterAll(async () => cluster?.[Symbol.asyncDispose]())

/** On the machine: it outlives its pod. */
const kept = () => path.join(cluster.data, 'kept')
const shared = { volumeMounts: [{ name: 'shared', mountPath: '/shared' }] }
const container = (name: string, script: string, more: object = {}) => ({
  name,
  image: 'wheelhouse/shell:v1',
  command: ['sh', '-c', script],
  ...more,
})
const pod = (name: string, spec: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  spec: { terminationGracePeriodSeconds: 1, ...spec },
})

async function apply(...objects: object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: objects }
  const { code, stderr } = await k.run(['apply', '-f', '-'], JSON.stringify(list))
  if (code !== 0) throw new Error(stderr)
}

const statusOf = async (name: string) => (await k.json<Pod>('get', 'pod', name)).status
const first = async (name: string) => (await statusOf(name))?.containerStatuses?.find((each) => each.name === 'main')

describe('the life of a pod', () => {
  it('ends with its main container, whatever its sidecar does', async () => {
    await k('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/batch', '--timeout=40s')
    expect((await statusOf('batch'))?.initContainerStatuses?.[0]?.state?.terminated?.exitCode).toBe(0)
  })

  it('starts over as a whole where a rule says so, on the same volumes', async () => {
    await eventually('a second run', async () => (await first('again'))?.restartCount === 1)
    await k('wait', '--for=condition=Ready', 'pod/again', '--timeout=30s')
    const status = await statusOf('again')
    expect(status?.initContainerStatuses?.[0]?.restartCount).toBe(1)
    expect(status?.containerStatuses?.map(({ restartCount }) => restartCount)).toEqual([1, 1])
  })

  it('has its hooks run, and what lies in its memory is bounded', async () => {
    await k('wait', '--for=condition=Ready', 'pod/hooked', '--timeout=30s')
    expect(await k('exec', 'hooked', '--', 'cat', '/shared/log')).toBe('started\n')
    const filled =
      isBounded && (await k.run(['exec', 'hooked', '--', 'sh', '-c', 'head -c 2000000 /dev/zero > /shared/much']))
    if (filled) expect(filled.code).not.toBe(0)
    await k('delete', 'pod', 'hooked')
    expect(readFileSync(path.join(kept(), 'log'), 'utf8')).toBe('stopping\n')
    expect(await k('get', 'events', '--field-selector=involvedObject.name=hooked')).toContain('Stopping container main')
  })
})

describe('the resources of a pod', () => {
  it.runIf(isBounded)('are enforced: who takes more memory is killed, and it is told why', async () => {
    await k('wait', '--for=jsonpath={.status.phase}=Failed', 'pod/hungry', '--timeout=30s')
    expect((await first('hungry'))?.state?.terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' })
  })

  it('are changed while it runs, without a restart', async () => {
    await k('wait', '--for=condition=Ready', 'pod/growing', '--timeout=30s')
    const limits = { cpu: '100m', memory: '128Mi' }
    const containers = [{ name: 'main', resources: { requests: limits, limits } }]
    await k('patch', 'pod', 'growing', '--subresource=resize', '-p', JSON.stringify({ spec: { containers } }))
    const inForce = async () => (await first('growing'))?.resources?.limits
    await eventually('the new limits', async () => (await inForce())?.['memory'] === limits.memory)
    expect(await inForce()).toEqual(limits)
    expect((await first('growing'))?.restartCount).toBe(0)
  })

  it.runIf(isBounded)('are counted for Prometheus, and for autoscalers', async () => {
    const proxied = (what: string) => k('get', '--raw', `/api/v1/nodes/wheelhouse/proxy/${what}`)
    expect(await proxied('metrics/cadvisor')).toMatch(
      /container_spec_memory_limit_bytes\{container="main",[^}]*pod="growing"\} 134217728 /,
    )
    expect(await proxied('metrics/resource')).toMatch(
      /pod_memory_working_set_bytes\{namespace="default",pod="growing"\} [1-9]/,
    )
    const summary = JSON.parse(await proxied('stats/summary')) as {
      pods: { podRef: { name: string }; network?: object }[]
    }
    expect(summary.pods.find(({ podRef }) => podRef.name === 'growing')?.network).toMatchObject({ name: 'eth0' })
  })
})

it('a manifest on the node is a pod, which its mirror shows', async () => {
  await eventually('the pod', async () => (await statusOf('edge-wheelhouse'))?.phase === 'Running')
  expect(await k('logs', 'edge-wheelhouse')).toBe('from a file\n')
})
