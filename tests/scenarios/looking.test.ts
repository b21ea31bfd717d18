import type { Pod } from 'kubernetes-types/core/v1'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { curl } from '../support/http.ts'
import type { Kubectl } from '../support/kubectl.ts'
import { root, saidBy } from '../support/processes.ts'
import { rawConfig } from '../support/raw.ts'
import { loadBalancerAddress } from '../support/services.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
let k: Kubectl
const folder = temporaryFolder()

/** A pod that talks in its own rhythm, one that ended, and one that crashes. */
const talkers = `
apiVersion: v1
kind: Pod
metadata: { name: talker, labels: { kind: talker } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: first
      image: wheelhouse/shell
      command: [sh, -c, 'for i in 1 2 3 4 5; do echo line $i; done; echo to-stderr >&2; i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.2; done']
    - { name: second, image: wheelhouse/shell, command: [sh, -c, 'echo from the second; sleep 1000'] }
---
apiVersion: v1
kind: Pod
metadata: { name: ended, labels: { kind: talker } }
spec:
  restartPolicy: Never
  containers: [{ name: ended, image: wheelhouse/shell, command: [sh, -c, 'for i in 1 2 3; do echo said $i; done; exit 4'] }]
---
apiVersion: v1
kind: Pod
metadata: { name: crashing }
spec:
  terminationGracePeriodSeconds: 1
  containers: [{ name: crashing, image: wheelhouse/shell, command: [sh, -c, 'echo life; sleep 0.2; exit 1'] }]
`

beforeAll(async () => {
  cluster = await up(['--nodes', 'process=1,simulated=2'])
  k = cluster.kubectl
  await k('create', 'namespace', 'other')
  await k.run(['apply', '-f', '-'], talkers)
  await k('apply', '-f', path.join(root, 'resources', 'manifests', 'hello.yaml'))
  await k('rollout', 'status', 'deployment/hello', '--timeout=30s')
  await k('wait', '--for=condition=Ready', 'pod/talker', '--timeout=30s')
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

const linesOf = (text: string) => text.split('\n').filter(Boolean)

describe('logs', () => {
  it('come whole, by their tail, since a time and with their times', async () => {
    expect(linesOf(await k('logs', 'ended'))).toEqual(['said 1', 'said 2', 'said 3'])
    expect(linesOf(await k('logs', 'ended', '--tail=2'))).toEqual(['said 2', 'said 3'])
    expect(linesOf(await k('logs', 'ended', '--since=1h'))).toHaveLength(3)
    expect(await k('logs', 'ended', `--since-time=${new Date(Date.now() + 60_000).toISOString()}`)).toBe('')
    expect(await k('logs', 'ended', '--limit-bytes=10')).toBe('said 1\nsai')
    for (const line of linesOf(await k('logs', 'ended', '--timestamps')))
      expect(line).toMatch(/^20\d\d-\d\d-\d\dT[\d:]+\.\d+Z said \d$/)
  })

  it('include what goes to stderr', async () => {
    expect(await k('logs', 'talker', '-c', 'first')).toContain('to-stderr')
  })

  it('follow a container while it talks', async () => {
    using follow = k.start('logs', '-f', '--tail=1', 'talker', '-c', 'first')
    const said = saidBy(follow)
    await eventually('four ticks in a row', () => linesOf(said()).length >= 4)
    const numbers = linesOf(said()).map((line) => Number(line.replace('tick ', '')))
    expect(numbers).toEqual(numbers.map((_, i) => numbers[0]! + i))
  })

  it('follow to the end of a container and no further', async () => {
    await k('run', 'brief', '--image=wheelhouse/shell', '--restart=Never', '--', 'sh', '-c', 'sleep 1; echo over')
    await k('wait', '--for=condition=Ready', 'pod/brief', '--timeout=20s')
    expect(await k('logs', '-f', 'brief')).toBe('over\n')
  })

  it('of all containers and of a selection say whose they are', async () => {
    expect(await k('logs', 'talker', '--all-containers', '--tail=1')).toContain('from the second')
    const said = await k('logs', '-l', 'kind=talker', '--all-containers', '--prefix', '--tail=1')
    for (const prefix of ['[pod/talker/first]', '[pod/talker/second]', '[pod/ended/ended]'])
      expect(said).toContain(prefix)
  })

  it('of a deployment are those of one of its pods', async () => {
    const { code, stdout } = await k.run(['logs', 'deployment/hello', '--tail=3'])
    expect([code, linesOf(stdout).length]).toEqual([0, 3])
  })

  it('of the container before are kept', async () => {
    await eventually(
      'a restart',
      async () => (await k.json<Pod>('get', 'pod', 'crashing')).status!.containerStatuses![0]!.restartCount > 0,
    )
    expect(await k('logs', '-p', 'crashing')).toBe('life\n')
    expect((await k.run(['logs', '-p', 'talker', '-c', 'second'])).stderr).toContain(
      'previous terminated container "second" in pod "talker" not found',
    )
  })

  it('of a container that is not there say which are', async () => {
    const { code, stderr } = await k.run(['logs', 'talker', '-c', 'third'])
    expect([code, stderr]).toEqual([1, expect.stringMatching(/container third is not valid for pod talker/)])
  })
})

describe('get', () => {
  it('prints what kubectl prints of other clusters', async () => {
    const [head, ...rows] = linesOf(await k('get', 'pods', '-l', 'app=hello'))
    expect(head).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE *$/)
    expect(rows).toHaveLength(5)
    for (const row of rows) expect(row).toMatch(/^hello-[a-z0-9]+-[a-z0-9]{5} +1\/1 +Running +0 +\d+s *$/)
    expect(linesOf(await k('get', 'pods', '-o', 'wide'))[0]).toMatch(/IP +NODE +NOMINATED NODE +READINESS GATES/)
    expect(await k('get', 'pod', 'ended')).toMatch(/0\/1 +Error +0/)
    expect(await k('get', 'deployment', 'hello')).toMatch(/hello +5\/5 +5 +5/)
    expect(await k('get', 'service', 'hello', '-o', 'wide')).toMatch(
      /LoadBalancer +10\.96\.[\d.]+ +127\.0\.0\.1 +8080:\d+\/TCP +\d+s +app=hello/,
    )
    expect(await k('get', 'nodes')).toMatch(/wheelhouse +Ready +\S+ +\d+s +v1\.36\.2\+wheelhouse/)
    expect(await k('get', 'all')).toMatch(
      /pod\/hello-[^]*service\/hello[^]*deployment\.apps\/hello[^]*replicaset\.apps\/hello-/,
    )
    expect(await k('get', 'pods', '-A')).toMatch(/^NAMESPACE/)
    expect((await k.run(['get', 'pods', '-n', 'other'])).stderr).toBe('No resources found in other namespace.\n')
    expect((await k.run(['get', 'pod', 'nobody'])).stderr).toBe(
      'Error from server (NotFound): pods "nobody" not found\n',
    )
    expect((await k.run(['get', 'nonsense'])).stderr).toContain('doesn\'t have a resource type "nonsense"')
  })

  it('answers in every format', async () => {
    expect(linesOf(await k('get', 'deployment,replicaset', '-o', 'name'))).toEqual([
      'deployment.apps/hello',
      expect.stringMatching(/^replicaset\.apps\/hello-/),
    ])
    expect(await k('get', 'deployment', 'hello', '-o', 'jsonpath={.spec.replicas} {.status.readyReplicas}')).toBe('5 5')
    expect(await k('get', 'deployment', 'hello', '-o', 'go-template={{.metadata.name}}')).toBe('hello')
    expect(
      linesOf(await k('get', 'pods', '-l', 'app=hello', '-o', 'custom-columns=IMAGE:.spec.containers[0].image')),
    ).toEqual(['IMAGE', ...Array.from({ length: 5 }, () => 'wheelhouse/hello:v1')])
    const yaml = await k('get', 'service', 'hello', '-o', 'yaml')
    expect(await k.run(['apply', '--dry-run=server', '-f', '-'], yaml)).toMatchObject({ code: 0 })
    expect(await k('get', '--raw', '/healthz')).toBe('ok')
  })

  it('sorts, selects and pages', async () => {
    const names = async (...args: string[]) =>
      linesOf(await k('get', 'pods', '-o', 'jsonpath={range .items[*]}{.metadata.name}{"\\n"}{end}', ...args))
    const sorted = await names('--sort-by=.metadata.name')
    expect(sorted).toEqual(sorted.toSorted())
    const created = await names('--sort-by=.metadata.creationTimestamp')
    expect(created.indexOf('talker')).toBeLessThan(created.indexOf('brief'))
    expect(await names('--field-selector=status.phase=Failed')).toEqual(['ended'])
    expect(
      (await names('--field-selector=spec.nodeName=wheelhouse,status.phase=Running')).length,
    ).toBeGreaterThanOrEqual(6)
    expect(await names('-l', 'kind in (talker),app!=hello')).toEqual(['ended', 'talker'])
    expect((await names('--chunk-size=2')).toSorted()).toEqual(sorted)
    expect(await k('get', 'pod', 'talker', '--show-labels', '-L', 'kind')).toMatch(/talker +kind=talker/)
  })

  it('-w shows changes as they come', async () => {
    using watch = k.start('get', 'pods', '-w', '--output-watch-events', '-n', 'other')
    const said = saidBy(watch)
    await k('run', 'seen', '-n', 'other', '--image=wheelhouse/shell', '--restart=Never', '--', 'sh', '-c', 'sleep 0.5')
    await eventually('its life in rows', () =>
      /ADDED +seen +0\/1 +(Pending|ContainerCreating)[^]*MODIFIED +seen +1\/1 +Running[^]*MODIFIED +seen +0\/1 +Completed/.test(
        said(),
      ),
    )
    await k('delete', 'pod', 'seen', '-n', 'other')
    await eventually('its end', () => /DELETED +seen/.test(said()))
  })
})

describe('a description', () => {
  it.each([
    [
      'pod',
      'talker',
      [
        /Containers:\n {2}first:/,
        /State: +Running/,
        /Conditions:/,
        /QoS Class: +BestEffort/,
        /Events:[^]*Normal +Scheduled[^]*Normal +Started/,
      ],
    ],
    ['pod', 'crashing', [/Last State: +Terminated\n +Reason: +Error\n +Exit Code: +1/]],
    [
      'deployment',
      'hello',
      [
        /Replicas: +5 desired \| 5 updated \| 5 total \| 5 available \| 0 unavailable/,
        /StrategyType: +RollingUpdate/,
        /NewReplicaSet: +hello-\w+ \(5\/5 replicas created\)/,
        /ScalingReplicaSet/,
      ],
    ],
    [
      'service',
      'hello',
      [/Type: +LoadBalancer/, /Endpoints: +10\.[\d.]+:8000,/, /LoadBalancer Ingress: +127\.0\.0\.1/],
    ],
    [
      'node',
      'wheelhouse',
      [/Ready +True/, /Allocatable:/, /Non-terminated Pods: +\(\d+ in total\)/, /Allocated resources:/],
    ],
    ['namespace', 'default', [/Status: +Active/]],
    ['configmap', 'hello-config', [/APP_NAME:\n----\nhello/]],
    ['serviceaccount', 'default', [/Name: +default/]],
    ['clusterrole', 'system:basic-user', [/selfsubjectaccessreviews\.authorization\.k8s\.io/]],
  ] as const)('of a %s (%s) has what kubectl looks up', async (type, name, patterns) => {
    const text = await k('describe', type, name)
    for (const pattern of patterns) expect(text).toMatch(pattern)
  })
})

describe('events', () => {
  it('tell the story of one object, and what went wrong', async () => {
    const reasons = (text: string) =>
      linesOf(text)
        .slice(1)
        .map((line) => line.split(/ {2,}/)[2])
    expect(reasons(await k('events', '--for', 'pod/talker'))).toEqual(
      expect.arrayContaining(['Scheduled', 'Pulled', 'Created', 'Started']),
    )
    await eventually('the back-off is told', async () =>
      reasons(await k('events', '--types=Warning', '--for', 'pod/crashing')).includes('BackOff'),
    )
    expect(await k('get', 'events', '--sort-by=.lastTimestamp', '--field-selector=reason=ScalingReplicaSet')).toMatch(
      /deployment\/hello +Scaled up replica set hello-\w+ from 0 to 5/,
    )
  })
})

describe('explain', () => {
  it('documents fields from the cluster', async () => {
    expect(await k('explain', 'pod.spec.containers.livenessProbe.httpGet')).toMatch(
      /FIELDS:[^]*path\t?\s*<string>\s+Path to access on the HTTP server/,
    )
    expect(await k('explain', 'deployment.spec.strategy')).toMatch(/GROUP: +apps[^]*rollingUpdate/)
    const all = await k('explain', 'pod', '--recursive')
    for (const field of ['ephemeralContainers', 'topologySpreadConstraints', 'whenUnsatisfiable'])
      expect(all).toContain(field)
  })
})

describe('the cluster says', () => {
  it('what it is', async () => {
    expect(await k('version')).toContain('Server Version: v1.36.2+wheelhouse')
    expect(await k('cluster-info')).toContain(cluster.server)
    const resources = await k('api-resources')
    expect(resources).toMatch(/deployments +deploy +apps\/v1 +true +Deployment/)
    expect(linesOf(await k('api-resources', '--verbs=list', '--namespaced', '-o', 'name'))).toEqual(
      expect.arrayContaining(['pods', 'deployments.apps', 'leases.coordination.k8s.io']),
    )
    expect(linesOf(await k('api-versions'))).toEqual(
      expect.arrayContaining(['v1', 'apps/v1', 'batch/v1', 'rbac.authorization.k8s.io/v1', 'discovery.k8s.io/v1']),
    )
  })
})

describe('auth', () => {
  it('tells who may do what', async () => {
    expect(await k('auth', 'can-i', 'create', 'pods')).toBe('yes\n')
    expect(await k('auth', 'can-i', '--list')).toMatch(/\*\.\* +\[\] +\[\] +\[\*\]/)
    expect(await k.run(['auth', 'can-i', 'create', 'pods', '--as=somebody'])).toMatchObject({ code: 1, stdout: 'no\n' })
    await k('create', 'rolebinding', 'reads', '--clusterrole=view', '--user=reader')
    expect(await k('auth', 'can-i', 'list', 'pods', '--as=reader')).toBe('yes\n')
    expect(await k.run(['auth', 'can-i', 'list', 'secrets', '--as=reader'])).toMatchObject({ code: 1 })
    expect(await k('auth', 'can-i', 'get', 'pods', '--subresource=log', '--as=reader')).toBe('yes\n')
    const { code, stderr } = await k.run(['delete', 'pod', 'talker', '--as=reader'])
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(
        'pods "talker" is forbidden: User "reader" cannot delete resource "pods" in API group "" in the namespace "default"',
      ),
    ])
    expect(await k('auth', 'whoami')).toMatch(/Groups +\[system:masters system:authenticated\]/)
  })

  it('makes tokens that work as their service account, and no more', async () => {
    await k('create', 'serviceaccount', 'robot')
    const token = (await k('create', 'token', 'robot', '--duration=10m')).trim()
    const { authority } = rawConfig(cluster.kubeconfig)
    const file = path.join(folder.path, 'ca.crt')
    writeFileSync(file, authority)
    const robot = (...args: string[]) =>
      k.run([
        '--kubeconfig=/dev/null',
        `--server=${cluster.server}`,
        `--certificate-authority=${file}`,
        `--token=${token}`,
        ...args,
      ])
    expect((await robot('auth', 'whoami')).stdout).toContain('system:serviceaccount:default:robot')
    expect((await robot('get', 'pods')).stderr).toContain(
      'User "system:serviceaccount:default:robot" cannot list resource "pods"',
    )
    await k('create', 'rolebinding', 'robot-views', '--clusterrole=view', '--serviceaccount=default:robot')
    await eventually('the right to look', async () => (await robot('get', 'pods')).code === 0)
    await k('delete', 'serviceaccount', 'robot')
    await eventually('the token is void', async () => (await robot('get', 'pods')).stderr.includes('Unauthorized'))
  })
})

describe('wait', () => {
  it('ends when it has come true, and says when not', async () => {
    await k('wait', '--for=condition=Available', 'deployment/hello', '--timeout=5s')
    await k('wait', '--for=jsonpath={.status.phase}=Failed', 'pod/ended', '--timeout=5s')
    const { code, stderr } = await k.run(['wait', '--for=condition=Ready', 'pod/ended', '--timeout=1s'])
    expect([code, stderr]).toEqual([1, 'error: timed out waiting for the condition on pods/ended\n'])
    const waiting = k('wait', '--for=delete', 'pod/brief', '--timeout=20s')
    await k('delete', 'pod', 'brief', '--wait=false')
    await waiting
  })
})

describe('the sample', () => {
  it('answers on its paths, and logs every request', async () => {
    const site = await loadBalancerAddress(k, 'hello')
    expect((await curl(`${site}/healthz`)).code).toBe(200)
    expect(JSON.parse((await curl(`${site}/config`)).body)).toMatchObject({ APP_NAME: 'hello', LOG_LEVEL: 'info' })
    expect(await k('logs', '-l', 'app=hello', '--tail=-1')).toContain('GET /config 200')
    const { items } = await k.json<KubeList<Pod>>('get', 'pods', '-l', 'app=hello')
    const name = items[0]!.metadata!.name!
    await k('exec', name, '--', 'wget', '-q', '-O', '-', '--post-data=', 'http://127.0.0.1:8000/ready?value=false')
    await k('wait', '--for=condition=Ready=false', `pod/${name}`, '--timeout=20s')
    await eventually(
      'it leaves the service',
      async () =>
        !(
          await k(
            'get',
            'endpointslices',
            '-l',
            'kubernetes.io/service-name=hello',
            '-o',
            'jsonpath={.items[*].endpoints[?(@.conditions.ready==true)].targetRef.name}',
          )
        ).includes(name),
    )
    const seen = new Set<string>()
    for (let i = 0; i < 40; i++) seen.add((JSON.parse((await curl(`${site}/`)).body) as { pod: string }).pod)
    expect([seen.size, seen.has(name)]).toEqual([4, false])
  })
})
