import { qualityOfService } from '#shared/kube/quota/quality-of-service.ts'
import { describe, expect, it } from 'vitest'
import { contextOf, create, update } from '../../testing/rules.ts'
import { pullPolicyOf } from './image.ts'
import { pod } from './index.ts'
import type { Pod } from './types.ts'

const plain = (spec: Pod['spec'] = {}): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'a' },
  spec: { containers: [{ name: 'app', image: 'registry.local/app:1' }], ...spec },
})
const stored = (spec?: Pod['spec']): Pod => create(pod, plain(spec)).object
const container =
  (index = 0) =>
  (object: Pod) =>
    object.spec!.containers![index]!

describe('defaults', () => {
  it('fills what a pod leaves open', () => {
    const { object, errors } = create(pod, plain())
    expect(errors).toEqual([])
    expect(object.spec).toMatchObject({
      restartPolicy: 'Always',
      dnsPolicy: 'ClusterFirst',
      terminationGracePeriodSeconds: 30,
      schedulerName: 'default-scheduler',
      enableServiceLinks: true,
      securityContext: {},
    })
    expect(container()(object)).toMatchObject({
      imagePullPolicy: 'IfNotPresent',
      terminationMessagePath: '/dev/termination-log',
      terminationMessagePolicy: 'File',
      resources: {},
    })
    expect(object.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' })
    expect(object.metadata!.generation).toBe(1)
  })

  it.each([
    ['app', 'Always'],
    ['app:latest', 'Always'],
    ['app:1', 'IfNotPresent'],
    ['host:5000/app', 'Always'],
    ['host:5000/app:1', 'IfNotPresent'],
    [`app@sha256:${'0'.repeat(64)}`, 'IfNotPresent'],
    [`app:latest@sha256:${'0'.repeat(64)}`, 'Always'],
  ])('pulls %s %s', (image, policy) => {
    expect(pullPolicyOf(image)).toBe(policy)
  })

  it('requests what is limited where nothing is requested', () => {
    const resources = { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '100m' } }
    const object = stored({ containers: [{ name: 'app', image: 'a', resources }] })
    expect(container()(object).resources!.requests).toEqual({ cpu: '100m', memory: '1Gi' })
  })

  it('gives host ports to containers on the network of the host', () => {
    const object = stored({
      hostNetwork: true,
      containers: [{ name: 'app', image: 'a', ports: [{ containerPort: 80 }] }],
    })
    expect(container()(object).ports).toEqual([{ containerPort: 80, hostPort: 80, protocol: 'TCP' }])
  })

  it('asks probes over HTTP at the root every ten seconds', () => {
    const object = stored({ containers: [{ name: 'app', image: 'a', livenessProbe: { httpGet: { port: 80 } } }] })
    expect(container()(object).livenessProbe).toEqual({
      httpGet: { port: 80, path: '/', scheme: 'HTTP' },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    })
  })

  it('makes fields of the AppArmor annotations of old', () => {
    const annotations = { 'container.apparmor.security.beta.kubernetes.io/app': 'localhost/p' }
    const object = create(pod, { ...plain(), metadata: { name: 'web', namespace: 'a', annotations } }).object
    expect(container()(object).securityContext).toEqual({
      appArmorProfile: { type: 'Localhost', localhostProfile: 'p' },
    })
  })

  it('drops a status that the creator made up', () => {
    expect(create(pod, { ...plain(), status: { phase: 'Running' } }).object.status!.phase).toBe('Pending')
  })
})

describe('quality of service', () => {
  const of = (...resources: object[]) =>
    qualityOfService({ containers: resources.map((each) => ({ name: 'c', resources: each })) })
  const both = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } }
  it('is best effort where nothing is asked for', () => expect(of({}, {})).toBe('BestEffort'))
  it('is guaranteed where everybody gets what they ask for', () => expect(of(both, both)).toBe('Guaranteed'))
  it('is burstable where one container may take more', () => {
    expect(of(both, { ...both, requests: { cpu: '500m', memory: '1Gi' } })).toBe('Burstable')
  })
  it('compares amounts and not texts', () => {
    expect(of({ requests: { cpu: '1000m', memory: '1Gi' }, limits: { cpu: '1', memory: '1024Mi' } })).toBe('Guaranteed')
  })
})

describe('updates', () => {
  it('may change an image, which makes a new generation', () => {
    const { object, errors } = update(pod, stored(), (changed) => (container()(changed).image = 'registry.local/app:2'))
    expect(errors).toEqual([])
    expect(object.metadata!.generation).toBe(2)
  })

  it('may change nothing else of a container', () => {
    const { errors } = update(pod, stored(), (changed) => (container()(changed).command = ['sh']))
    expect(errors[0]).toMatch(
      /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`/,
    )
  })

  it('may not add or remove containers', () => {
    const { errors } = update(pod, stored(), (changed) => changed.spec!.containers!.push({ name: 'b', image: 'b' }))
    expect(errors).toEqual(['spec.containers: Forbidden: pod updates may not add or remove containers'])
  })

  it('may add tolerations but take none away', () => {
    const toleration = { key: 'a', operator: 'Exists' }
    const old = stored({ tolerations: [toleration] })
    expect(
      update(pod, old, (changed) => changed.spec!.tolerations!.push({ key: 'b', operator: 'Exists' })).errors,
    ).toEqual([])
    expect(update(pod, old, (changed) => (changed.spec!.tolerations = [])).errors).not.toEqual([])
  })

  it('may shorten the active deadline but not lengthen it', () => {
    const old = stored({ activeDeadlineSeconds: 10 })
    expect(update(pod, old, (changed) => (changed.spec!.activeDeadlineSeconds = 5)).errors).toEqual([])
    expect(update(pod, old, (changed) => (changed.spec!.activeDeadlineSeconds = 20)).errors).toEqual([
      'spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value',
    ])
  })

  it('of the pod leave its status alone, and those of the status its spec', () => {
    const old = stored()
    expect(update(pod, old, (changed) => (changed.status = { phase: 'Failed' })).object.status!.phase).toBe('Pending')
    const { object } = update(pod, old, (changed) => (changed.spec!.nodeName = 'n'), 'status')
    expect(object.spec!.nodeName).toBeUndefined()
    expect(object.metadata!.generation).toBe(1)
  })

  it('of the status keep the class of service that kubelets forget', () => {
    const { object } = update(pod, stored(), (changed) => (changed.status = { phase: 'Running' }), 'status')
    expect(object.status).toEqual({ phase: 'Running', qosClass: 'BestEffort' })
  })

  it('of the status bring no container back that has ended for good, but where everything starts over', () => {
    const ended = (rules: object = {}) => {
      const old = stored()
      old.spec!.restartPolicy = 'Never'
      Object.assign(old.spec!.containers![0]!, rules)
      old.status = { containerStatuses: [{ ...status, state: { terminated: { exitCode: 1 } } }] }
      return update(pod, old, (changed) => (changed.status = { containerStatuses: [status] }), 'status').errors
    }
    const { name = '' } = stored().spec!.containers![0]!
    const status = { name, image: '', imageID: '', ready: false, restartCount: 0, state: { running: {} } }
    expect(ended()).toEqual([expect.stringContaining('may not be transitioned to non-terminated state')])
    const exitCodes = { operator: 'In', values: [42] }
    const restartPolicyRules = [{ action: 'RestartAllContainers', exitCodes }]
    expect(ended({ restartPolicy: 'Never', restartPolicyRules })).toEqual([])
  })

  it('only add ephemeral containers', () => {
    const debug = { name: 'debug', image: 'b' }
    const added = update(
      pod,
      stored(),
      (changed) => (changed.spec!.ephemeralContainers = [debug]),
      'ephemeralcontainers',
    )
    expect(added.errors).toEqual([])
    const removed = update(
      pod,
      added.object,
      (changed) => (changed.spec!.ephemeralContainers = []),
      'ephemeralcontainers',
    )
    expect(removed.errors).not.toEqual([])
  })
})

describe('grace', () => {
  const grace = (status: Pod['status'], spec: Pod['spec'], requested?: number) =>
    pod.strategy.gracePeriod!({ ...plain(spec), status: status! }, requested)
  it('is none for a pod that no node has', () => expect(grace({ phase: 'Pending' }, {}, 30)).toBe(0))
  it('is none for a pod that has ended', () => expect(grace({ phase: 'Succeeded' }, { nodeName: 'n' }, 30)).toBe(0))
  it('is what the deletion asks for', () => {
    expect(grace({ phase: 'Running' }, { nodeName: 'n', terminationGracePeriodSeconds: 30 }, 5)).toBe(5)
  })
  it('is what the pod says where the deletion does not', () => {
    expect(grace({ phase: 'Running' }, { nodeName: 'n', terminationGracePeriodSeconds: 7 })).toBe(7)
  })
  it('of a negative number is a second', () => {
    expect(grace({ phase: 'Running' }, { nodeName: 'n', terminationGracePeriodSeconds: -1 })).toBe(1)
  })
})

describe('validation', () => {
  const wrong = (spec: Pod['spec']) => create(pod, plain(spec)).errors
  const app = { name: 'app', image: 'a' }
  it('wants a container', () => expect(wrong({ containers: [] })).toEqual(['spec.containers: Required value']))
  it('wants names to be unique over all containers', () => {
    const errors = wrong({
      initContainers: [{ name: 'app', image: 'a' }],
      containers: [{ name: 'app', image: 'a' }],
    })
    expect(errors).toEqual(['spec.initContainers[0].name: Duplicate value: "app"'])
  })
  it('wants mounts to name a volume', () => {
    const errors = wrong({ containers: [{ name: 'app', image: 'a', volumeMounts: [{ name: 'x', mountPath: '/x' }] }] })
    expect(errors).toEqual(['spec.containers[0].volumeMounts[0].name: Not found: "x"'])
  })
  it('wants requests below limits', () => {
    const resources = { requests: { cpu: '2' }, limits: { cpu: '1' } }
    expect(wrong({ containers: [{ name: 'app', image: 'a', resources }] })).toEqual([
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    ])
  })
  it('lets init containers have probes only if they run on', () => {
    const probe = { exec: { command: ['true'] } }
    const init = { name: 'i', image: 'a', readinessProbe: probe }
    expect(wrong({ initContainers: [init] })).toEqual([
      'spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
    ])
    expect(wrong({ initContainers: [{ ...init, restartPolicy: 'Always' }] })).toEqual([])
  })
  it('relabels volumes one file at a time, but leaves what is stored', () => {
    const securityContext = { seLinuxChangePolicy: 'MountOption' }
    const text =
      'spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"'
    expect(wrong({ containers: [app], securityContext })).toEqual([text])
    const old = stored()
    old.spec!.securityContext = securityContext
    expect(update(pod, old, ({ spec }) => (spec!.containers![0]!.image = 'b')).errors).toEqual([])
  })
  it('bounds the rules of restarts', () => {
    const rule = (length: number) => ({
      action: 'Restart',
      exitCodes: { operator: 'In', values: Array.from({ length }, (_, i) => i) },
    })
    const container = (...restartPolicyRules: object[]) => ({ ...app, restartPolicy: 'Never', restartPolicyRules })
    expect(wrong({ containers: [container(rule(0), rule(255))] })).toEqual([])
    expect(wrong({ containers: [container(rule(256))] })).toEqual([
      'spec.containers[0].restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items',
    ])
    const many = Array.from({ length: 21 }, () => rule(1))
    expect(wrong({ containers: [container(...many)] })).toEqual([
      'spec.containers[0].restartPolicyRules: Too many: 21: must have at most 20 items',
    ])
  })
  it('starts no init container again for the sake of its size', () => {
    const resizePolicy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }]
    const init = { name: 'i', image: 'a', resizePolicy }
    expect(wrong({ containers: [app], initContainers: [init] })).toEqual([
      `spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to 'RestartContainer' for non-sidecar initContainers`,
    ])
    expect(wrong({ containers: [app], initContainers: [{ ...init, restartPolicy: 'Always' }] })).toEqual([])
  })
  it('maps no users of block devices', () => {
    const volumes = [{ name: 'disk', persistentVolumeClaim: { claimName: 'a' } }]
    const volumeDevices = [{ name: 'disk', devicePath: '/dev/a' }]
    expect(wrong({ hostUsers: false, volumes, containers: [{ ...app, volumeDevices }] })).toEqual([
      'spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false',
    ])
  })
  it('reads variables out of files in empty directories of the pod', () => {
    const from = (fileKeyRef: object, volumes: object[] = [{ name: 'v', emptyDir: {} }]) =>
      wrong({ volumes, containers: [{ ...app, env: [{ name: 'A', valueFrom: { fileKeyRef } as object }] }] })
    const path = 'spec.containers[0].env[0].valueFrom.fileKeyRef'
    expect(from({ volumeName: 'v', path: '/a', key: 'K' })).toEqual([])
    expect(from({ volumeName: 'w', path: 'a/..', key: 'K' })).toEqual([
      `${path}.path: Invalid value: "a/..": must not contain '..'`,
      `${path}.volumeName: Not found: "w"`,
    ])
    expect(from({ volumeName: 'v', path: 'a', key: 'K' }, [{ name: 'v', hostPath: { path: '/' } }])).toEqual([
      `${path}.volumeName: Invalid value: "v": referenced volume must be of type emptyDir`,
    ])
  })
})

it('binding is refused for a pod that is scheduled already, or that has another name', async () => {
  const binding = pod.subresources!.find(({ name }) => name === 'binding')!
  const bound = { ...stored(), spec: { ...stored().spec, nodeName: 'n1' } }
  const services = {
    update: (_kind: unknown, _namespace: unknown, _name: unknown, change: (object: Pod) => void) =>
      Promise.resolve(change(bound)),
  }
  const input = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'web' }, target: { kind: 'Node', name: 'n2' } }
  const action = binding.action!(
    input,
    { namespace: 'a', name: 'web' },
    services as never,
    contextOf({ subresource: 'binding' }),
  )
  await expect(action).rejects.toMatchObject({ code: 409 })
  const other = binding.action!(
    { ...input, metadata: { name: 'other' } },
    { namespace: 'a', name: 'web' },
    services as never,
    contextOf({ subresource: 'binding' }),
  )
  await expect(other).rejects.toThrow('name in URL does not match name in Binding object')
  const nowhere = binding.action!(
    { ...input, target: { kind: 'Pod' } } as never,
    { namespace: 'a', name: 'web' },
    services as never,
    contextOf({ subresource: 'binding' }),
  )
  await expect(nowhere).rejects.toMatchObject({
    code: 500,
    status: {
      message:
        '[target.kind: Unsupported value: "Pod": supported values: "Node", "<empty>", target.name: Required value]',
    },
  })
})
