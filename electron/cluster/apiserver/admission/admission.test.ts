import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { seededRandom } from '../../base/random.ts'
import type { Node } from '../registry/core/node.ts'
import type { PersistentVolumeClaim } from '../registry/core/persistent-volume-claim/index.ts'
import type { Pod } from '../registry/core/pod/types.ts'
import { defaultStorageClass } from './default-classes.ts'
import { nodeDeclaredFeatureValidator } from './node-declared-features.ts'
import { persistentVolumeClaimResize } from './claim-resize.ts'
import { limitRanger } from './limit-ranger.ts'
import { namespaceLifecycle } from './namespace-lifecycle.ts'
import { nodeRestriction } from './node-restriction.ts'
import { storageObjectInUseProtection } from './object-in-use.ts'
import { podSecurity } from './pod-security/index.ts'
import { defaultTolerationSeconds, taintNodesByCondition } from './pod-tolerations.ts'
import { priority } from './priority.ts'
import { resourceQuota } from './resource-quota.ts'
import { runtimeClass } from './runtime-class.ts'
import { serviceAccount } from './service-account.ts'
import { cluster, refusal, request } from './testing.ts'

const named = (name: string, more: object = {}) => ({ metadata: { name, namespace: 'a' }, ...more })
const pod = (spec: Pod['spec'] = {}, name = 'web'): Pod => ({
  ...named(name),
  spec: { containers: [{ name: 'app', image: 'a:1' }], ...spec },
})
const namespaces = (metadata: object = {}) => ({ '/namespaces': [{ metadata: { name: 'a', ...metadata } }] })

describe('namespaces', () => {
  it('must be there before anything is in them', async () => {
    expect(await refusal(namespaceLifecycle, request('/pods', pod()))).toBe('namespaces "a" not found')
    expect(await refusal(namespaceLifecycle, request('/pods', pod(), { services: cluster(namespaces()) }))).toBe('')
  })

  it('take nothing new while they go', async () => {
    const services = cluster(namespaces({ deletionTimestamp: '2026-01-01T00:00:00Z' }))
    expect(await refusal(namespaceLifecycle, request('/pods', pod(), { services }))).toBe(
      'pods "web" is forbidden: unable to create new content in namespace a because it is being terminated',
    )
    expect(await refusal(namespaceLifecycle, request('/pods', pod(), { services, operation: 'UPDATE' }))).toBe('')
  })

  it('of the system never go', async () => {
    const asked = (name: string) => request('/namespaces', undefined, { operation: 'DELETE', name })
    expect(await refusal(namespaceLifecycle, asked('kube-system'))).toBe(
      'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    )
    expect(await refusal(namespaceLifecycle, asked('a'))).toBe('')
  })
})

describe('service accounts', () => {
  const clock = new FakeClock()
  const plugin = serviceAccount({ clock, random: seededRandom(1) })
  const accounts = (more: object = {}) => cluster({ '/serviceaccounts': [named('default', more)] })

  it('are given to pods with their token', async () => {
    const object = pod({ initContainers: [{ name: 'i', image: 'a' }] })
    await plugin.mutate!(request('/pods', object, { services: accounts() }))
    expect(object.spec).toMatchObject({ serviceAccountName: 'default', serviceAccount: 'default' })
    const [volume] = object.spec!.volumes!
    expect(volume!.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/)
    const mount = { name: volume!.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }
    expect(object.spec!.containers![0]!.volumeMounts).toEqual([mount])
    expect(object.spec!.initContainers![0]!.volumeMounts).toEqual([mount])
  })

  it('keep their token where pod or account say so, the pod first', async () => {
    const quiet = pod()
    await plugin.mutate!(request('/pods', quiet, { services: accounts({ automountServiceAccountToken: false }) }))
    expect(quiet.spec!.volumes).toBeUndefined()
    const loud = pod({ automountServiceAccountToken: true })
    await plugin.mutate!(request('/pods', loud, { services: accounts({ automountServiceAccountToken: false }) }))
    expect(loud.spec!.volumes).toHaveLength(1)
  })

  it('lend their secrets for pulling images', async () => {
    const object = pod()
    await plugin.mutate!(request('/pods', object, { services: accounts({ imagePullSecrets: [{ name: 's' }] }) }))
    expect(object.spec!.imagePullSecrets).toEqual([{ name: 's' }])
  })

  it('are waited for a moment where they are the default, and refused otherwise', async () => {
    const object = pod({ serviceAccountName: 'other' })
    expect(await refusal(plugin, request('/pods', object))).toBe(
      'pods "web" is forbidden: error looking up service account a/other: serviceaccount "other" not found',
    )
    const late: Record<string, object[]> = {}
    const waiting = refusal(plugin, request('/pods', pod(), { services: cluster(late as never) }))
    await clock.advance(300)
    late['/serviceaccounts'] = [named('default')]
    await clock.advance(100)
    expect(await waiting).toBe('')
  })
})

it('pods outlive their node by five minutes unless they say otherwise', async () => {
  const object = pod({
    tolerations: [{ key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' }],
  })
  await defaultTolerationSeconds.mutate!(request('/pods', object))
  expect(object.spec!.tolerations!.slice(1)).toEqual([
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
  ])
})

it('new nodes take no pods yet', async () => {
  const object: Node = named('n')
  await taintNodesByCondition.mutate!(request('/nodes', object))
  expect(object.spec!.taints).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }])
})

describe('priorities', () => {
  const classes = cluster({
    'scheduling.k8s.io/priorityclasses': [
      { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' } as object,
      {
        metadata: { name: 'usual' },
        value: 10,
        globalDefault: true,
        preemptionPolicy: 'PreemptLowerPriority',
      } as object,
    ],
  })
  it('are numbers by the name of a class', async () => {
    const object = pod({ priorityClassName: 'high' })
    await priority.mutate!(request('/pods', object, { services: classes }))
    expect(object.spec).toMatchObject({ priority: 1000, preemptionPolicy: 'Never' })
  })
  it('are the default where no class is named', async () => {
    const object = pod()
    await priority.mutate!(request('/pods', object, { services: classes }))
    expect(object.spec).toMatchObject({ priority: 10, priorityClassName: 'usual' })
  })
  it('are not for users to write', async () => {
    expect(await refusal(priority, request('/pods', pod({ priority: 7 }), { services: classes }))).toContain(
      'the integer value of priority (7) must not be provided in pod spec',
    )
    expect(await refusal(priority, request('/pods', pod({ priorityClassName: 'x' }), { services: classes }))).toBe(
      'pods "web" is forbidden: no PriorityClass with name x was found',
    )
  })
  it('have one default', async () => {
    const second = { metadata: { name: 'b' }, globalDefault: true } as object
    expect(
      await refusal(priority, request('scheduling.k8s.io/priorityclasses', second, { services: classes })),
    ).toContain('PriorityClass usual is already marked as default. Only one default can exist')
  })
})

describe('limit ranges', () => {
  const ranges = (limit: object) => cluster({ '/limitranges': [named('l', { spec: { limits: [limit] } })] })
  it('fill in what containers leave out', async () => {
    const object = pod()
    const services = ranges({ type: 'Container', default: { cpu: '1' }, defaultRequest: { cpu: '100m' } })
    await limitRanger.mutate!(request('/pods', object, { services }))
    expect(object.spec!.containers![0]!.resources).toEqual({ limits: { cpu: '1' }, requests: { cpu: '100m' } })
    expect(object.metadata!.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu request for container app; cpu limit for container app',
    })
  })
  it('refuse what is too much', async () => {
    const resources = { limits: { cpu: '2' } }
    const object = pod({ containers: [{ name: 'app', image: 'a', resources }] })
    const services = ranges({ type: 'Container', max: { cpu: '1' } })
    expect(await refusal(limitRanger, request('/pods', object, { services }))).toBe(
      'pods "web" is forbidden: maximum cpu usage per Container is 1, but limit is 2',
    )
  })
  it('bound the whole pod', async () => {
    const resources = { limits: { cpu: '600m' } }
    const containers = ['a', 'b'].map((name) => ({ name, image: 'a', resources }))
    const services = ranges({ type: 'Pod', max: { cpu: '1' } })
    expect(await refusal(limitRanger, request('/pods', pod({ containers }), { services }))).toContain(
      'but limit is 1200m',
    )
  })
})

describe('quotas', () => {
  const quota = (hard: object, more: object = {}) => ({ '/resourcequotas': [named('q', { spec: { hard, ...more } })] })
  const make = () => resourceQuota({ clock: new FakeClock() })

  it('count what is there', async () => {
    const services = cluster({ ...quota({ pods: '1' }), '/pods': [pod({}, 'first')] })
    expect(await refusal(make(), request('/pods', pod(), { services }))).toBe(
      'pods "web" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
    )
  })

  it('count what is on its way', async () => {
    const plugin = make()
    const services = cluster(quota({ pods: '1' }))
    expect(await refusal(plugin, request('/pods', pod({}, 'first'), { services }))).toBe('')
    expect(await refusal(plugin, request('/pods', pod({}, 'second'), { services }))).toContain('exceeded quota')
  })

  it('leave pods out that have ended', async () => {
    const done = { ...pod({}, 'first'), status: { phase: 'Succeeded' } }
    const services = cluster({ ...quota({ pods: '1' }), '/pods': [done] })
    expect(await refusal(make(), request('/pods', pod(), { services }))).toBe('')
  })

  it('of resources need containers to say what they take', async () => {
    const services = cluster(quota({ 'requests.cpu': '1', 'limits.memory': '1Gi' }))
    expect(await refusal(make(), request('/pods', pod(), { services }))).toBe(
      'pods "web" is forbidden: failed quota: q: must specify limits.memory for: app; requests.cpu for: app',
    )
  })

  it('that came later leave the pods alone that are there, until they are resized', async () => {
    const services = cluster(quota({ 'requests.cpu': '1' }))
    const update = { operation: 'UPDATE', old: pod(), services } as const
    expect(await refusal(make(), request('/pods', pod(), update))).toBe('')
    const larger = pod({ containers: [{ name: 'app', image: 'a', resources: { requests: { cpu: '2' } } }] })
    expect(await refusal(make(), request('/pods', larger, { ...update, subresource: 'resize' }))).toContain('exceeded')
  })

  it('with scopes are for pods in them', async () => {
    const services = cluster(quota({ pods: '0' }, { scopes: ['BestEffort'] }))
    const burstable = pod({ containers: [{ name: 'app', image: 'a', resources: { requests: { cpu: '1' } } }] })
    expect(await refusal(make(), request('/pods', burstable, { services }))).toBe('')
    expect(await refusal(make(), request('/pods', pod(), { services }))).toContain('exceeded quota')
  })

  it('count objects by their resource', async () => {
    const services = cluster({ ...quota({ 'count/deployments.apps': '0' }) })
    expect(await refusal(make(), request('apps/deployments', named('d'), { services }))).toBe(
      'deployments.apps "d" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=0, limited: count/deployments.apps=0',
    )
  })
})

describe('pod security', () => {
  const labelled = (labels: object) => cluster(namespaces({ labels }))
  const enforce = (level: string) => labelled({ 'pod-security.kubernetes.io/enforce': level })

  it('is silent where a namespace asks for nothing', async () => {
    const privileged = pod({ hostNetwork: true })
    expect(await refusal(podSecurity, request('/pods', privileged, { services: labelled({}) }))).toBe('')
  })

  it('keeps pods off the host', async () => {
    const containers = [{ name: 'app', image: 'a', securityContext: { privileged: true } }]
    const object = pod({ hostNetwork: true, containers, volumes: [{ name: 'v', hostPath: { path: '/' } }] })
    expect(await refusal(podSecurity, request('/pods', object, { services: enforce('baseline') }))).toBe(
      'pods "web" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true), privileged (container "app" must not set securityContext.privileged=true), hostPath volumes (volume "v")',
    )
  })

  it('wants pods to give up what they do not need', async () => {
    const message = await refusal(podSecurity, request('/pods', pod(), { services: enforce('restricted') }))
    expect(message).toBe(
      'pods "web" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "app" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "app" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "app" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    )
    const securityContext = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
    const good = pod({
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{ name: 'app', image: 'a', securityContext }],
    })
    expect(await refusal(podSecurity, request('/pods', good, { services: enforce('restricted') }))).toBe('')
  })

  it('only warns of what makes pods', async () => {
    const warnings: string[] = []
    const object = named('d', { spec: { template: { spec: pod({ hostPID: true }).spec } } })
    expect(
      await refusal(podSecurity, request('apps/deployments', object, { services: enforce('baseline'), warnings })),
    ).toBe('')
    expect(warnings).toEqual(['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)'])
  })

  it('knows its levels', async () => {
    const object = { metadata: { name: 'a', labels: { 'pod-security.kubernetes.io/enforce': 'strict' } } }
    expect(await refusal(podSecurity, request('/namespaces', object))).toContain(
      'must be one of privileged, baseline, restricted',
    )
  })
})

it('runtime classes add what their pods cost', async () => {
  const services = cluster({
    'node.k8s.io/runtimeclasses': [
      {
        metadata: { name: 'gv' },
        overhead: { podFixed: { cpu: '10m' } },
        scheduling: { nodeSelector: { r: 'gv' } },
      } as object,
    ],
  })
  const object = pod({ runtimeClassName: 'gv' })
  await runtimeClass.mutate!(request('/pods', object, { services }))
  expect(object.spec).toMatchObject({ overhead: { cpu: '10m' }, nodeSelector: { r: 'gv' } })
  expect(await refusal(runtimeClass, request('/pods', pod({ runtimeClassName: 'x' })))).toContain(
    'pod rejected: RuntimeClass "x" not found',
  )
})

it('claims without a class get the newest default', async () => {
  const marked = (name: string, creationTimestamp: string) => ({
    metadata: { name, creationTimestamp, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  })
  const services = cluster({
    'storage.k8s.io/storageclasses': [marked('old', '2026-01-01T00:00:00Z'), marked('new', '2026-01-02T00:00:00Z')],
  })
  const claim: PersistentVolumeClaim = named('c')
  await defaultStorageClass.mutate!(request('/persistentvolumeclaims', claim, { services }))
  expect(claim.spec!.storageClassName).toBe('new')
  const none = named('c', { spec: { storageClassName: '' } }) as PersistentVolumeClaim
  await defaultStorageClass.mutate!(request('/persistentvolumeclaims', none, { services }))
  expect(none.spec!.storageClassName).toBe('')
})

describe('storage', () => {
  const protectedClass = () => ({ metadata: { name: 'c', finalizers: ['kubernetes.io/vac-protection'] as string[] } })
  const deleteOf = (object: object, claims: object[]) =>
    request('storage.k8s.io/volumeattributesclasses', undefined, {
      operation: 'DELETE',
      name: 'c',
      old: object,
      services: cluster({ 'storage.k8s.io/volumeattributesclasses': [object], '/persistentvolumeclaims': claims }),
    })

  it('is protected from the start', async () => {
    const claim: KubeObject = named('c')
    await storageObjectInUseProtection.mutate!(request('/persistentvolumeclaims', claim))
    expect(claim.metadata?.finalizers).toEqual(['kubernetes.io/pvc-protection'])
  })
  it('lets a class go that no claim names, and keeps one that a claim does', async () => {
    const idle = protectedClass()
    await storageObjectInUseProtection.mutate!(deleteOf(idle, []))
    expect(idle.metadata.finalizers).toBeUndefined()
    const used = protectedClass()
    await storageObjectInUseProtection.mutate!(
      deleteOf(used, [named('d', { spec: { volumeAttributesClassName: 'c' } })]),
    )
    expect(used.metadata.finalizers).toEqual(['kubernetes.io/vac-protection'])
  })
  it('grows only where its claim is bound and its class allows it', async () => {
    const claim = (storage: string, phase = 'Bound', storageClassName = 'elastic') =>
      named('c', { spec: { storageClassName, resources: { requests: { storage } } }, status: { phase } })
    const services = cluster({
      'storage.k8s.io/storageclasses': [
        { metadata: { name: 'elastic' }, allowVolumeExpansion: true } as KubeObject,
        { metadata: { name: 'rigid' } },
      ],
    })
    const ask = (next: object, old: object) =>
      refusal(
        persistentVolumeClaimResize,
        request('/persistentvolumeclaims', next, { operation: 'UPDATE', old, services }),
      )
    expect(await ask(claim('2Gi'), claim('1Gi'))).toBe('')
    expect(await ask(claim('1Gi', 'Pending'), claim('1024Mi', 'Pending'))).toBe('')
    expect(await ask(claim('2Gi', 'Pending'), claim('1Gi', 'Pending'))).toContain(
      'Only bound persistent volume claims can be expanded',
    )
    expect(await ask(claim('2Gi', 'Bound', 'rigid'), claim('1Gi', 'Bound', 'rigid'))).toContain(
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    )
  })
})

describe('agents of nodes', () => {
  const user = { name: 'system:node:n1', groups: ['system:nodes'] }
  const hosted = (nodeName: string) => pod({ nodeName })
  it('change their own node and lease', async () => {
    expect(await refusal(nodeRestriction, request('/nodes', named('n1'), { user }))).toBe('')
    expect(await refusal(nodeRestriction, request('/nodes', named('n2'), { user }))).toContain(
      'is not allowed to modify node "n2"',
    )
    const lease = (namespace: string) => request('coordination.k8s.io/leases', named('n1'), { user, namespace })
    expect(await refusal(nodeRestriction, lease('kube-node-lease'))).toBe('')
    expect(await refusal(nodeRestriction, lease('default'))).toContain(
      'can only access leases in the "kube-node-lease"',
    )
  })
  it('report on their own pods', async () => {
    const report = (old: Pod) => request('/pods', old, { user, operation: 'UPDATE', subresource: 'status', old })
    expect(await refusal(nodeRestriction, report(hosted('n1')))).toBe('')
    expect(await refusal(nodeRestriction, report(hosted('n2')))).toContain(
      'can only update pod status for pods with spec.nodeName set to itself',
    )
  })
  it('make no pods but mirrors of files', async () => {
    expect(await refusal(nodeRestriction, request('/pods', hosted('n1'), { user }))).toContain(
      'can only create mirror pods',
    )
  })
  it('get tokens for pods that they run', async () => {
    const volumes = [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }]
    const services = (nodeName: string) =>
      cluster({
        '/pods': [{ ...pod({ nodeName, volumes }), metadata: { name: 'web', namespace: 'a', uid: 'u' } }],
      })
    const asked = (nodeName: string, ...audiences: string[]) => {
      const token = { spec: { audiences, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u' } } }
      return request('/serviceaccounts', token as object, { user, subresource: 'token', services: services(nodeName) })
    }
    expect(await refusal(nodeRestriction, asked('n1'))).toBe('')
    expect(await refusal(nodeRestriction, asked('n2'))).toContain('bound to a pod scheduled on a different node')
    expect(await refusal(nodeRestriction, asked('n1', 'vault'))).toContain(
      'audience "vault" not found in pod spec volume',
    )
  })
  it('label themselves with what kubelets know, and leave taints alone', async () => {
    const node = (labels: object, taints: object[] = []) =>
      ({ metadata: { name: 'n1', labels }, spec: { taints } }) as object
    const made = (labels: object) => refusal(nodeRestriction, request('/nodes', node(labels), { user }))
    expect(await made({ 'kubernetes.io/hostname': 'n1', 'example.com/x': '', 'kubelet.kubernetes.io/y': '' })).toBe('')
    expect(await made({ 'node-role.kubernetes.io/control-plane': '' })).toContain(
      'is not allowed to set the following labels: node-role.kubernetes.io/control-plane',
    )
    expect(await made({ 'node-restriction.kubernetes.io/z': '' })).toContain('node-restriction.kubernetes.io/z')
    const changed = (old: object, to: object) =>
      refusal(nodeRestriction, request('/nodes', to, { user, operation: 'UPDATE', old }))
    expect(await changed(node({}, [{ key: 'k' }]), node({}))).toContain('is not allowed to modify taints')
  })
})

describe('a pod on a node', () => {
  const sized = (cpu: string, generation: number, more: object = {}, qosClass = 'Guaranteed') => {
    const one = pod({
      nodeName: 'n',
      containers: [{ name: 'app', image: 'a', resources: { requests: { cpu } } }],
      ...more,
    })
    return { ...one, metadata: { ...one.metadata, generation }, status: { qosClass } }
  }
  const ask = (object: object, declaredFeatures: string[] | undefined, old: object = sized('1', 1)) => {
    const nodes = declaredFeatures ? [{ metadata: { name: 'n' }, status: { declaredFeatures } }] : []
    const more = { operation: 'UPDATE', subresource: 'resize', old, services: cluster({ '/nodes': nodes }) } as const
    return refusal(nodeDeclaredFeatureValidator, request('/pods', object as never, more as never))
  }

  it('changes only as its node says that it can change it', async () => {
    const requires = (feature: string) =>
      `pods "web" is forbidden: pod update requires features ${feature} which are not available on node "n"`
    expect(await ask(sized('2', 2), [])).toBe(requires('GuaranteedQoSPodCPUResize'))
    expect(await ask(sized('2', 2), ['GuaranteedQoSPodCPUResize'])).toBe('')
    expect(await ask(sized('1', 2, { resources: { limits: { cpu: '2' } } }), ['GuaranteedQoSPodCPUResize'])).toBe(
      requires('InPlacePodLevelResourcesVerticalScaling'),
    )
    expect(await ask(sized('2', 2), undefined)).toBe('pods "web" is forbidden: node "n" not found')
  })

  it.each([
    ['is not of the class Guaranteed', sized('2', 2, {}, 'Burstable')],
    ['asks for the same in other words', sized('1000m', 2)],
    ['is not changed', sized('2', 1)],
    ['is on no node', sized('2', 2, { nodeName: '' })],
  ])('may change anywhere when it %s', async (_, object) => {
    expect(await ask(object, [])).toBe('')
  })
})
