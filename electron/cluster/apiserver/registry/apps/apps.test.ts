import { describe, expect, it } from 'vitest'
import { create, update } from '../testing/rules.ts'
import { daemonSet, type DaemonSet } from './daemon-set.ts'
import { deployment } from './deployment.ts'
import { replicaSet } from './replica-set.ts'
import { statefulSet } from './stateful-set.ts'

const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'app', image: 'a:1' }] } }
const spec = { selector: { matchLabels: { app: 'x' } }, template }
const base = (kind: string) => ({ apiVersion: 'apps/v1', kind, metadata: { name: 'web', namespace: 'a' } })
const web = () => create(deployment, { ...base('Deployment'), spec: structuredClone(spec) }).object

it('stateful sets name a service that could be', () => {
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const spec = { serviceName: 'No', selector: { matchLabels: { a: 'b' } }, template }
  const { object, errors } = create(statefulSet, { metadata: { name: 's', namespace: 'a' }, spec })
  expect(errors.map((text) => text.split(':')[0])).toEqual(['spec.serviceName'])
  expect(update(statefulSet, object, ({ spec: now }) => (now!.replicas = 2)).errors).toEqual([])
})

describe('deployments', () => {
  it('roll a quarter at a time and keep ten revisions', () => {
    expect(web().spec).toMatchObject({
      replicas: 1,
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    })
  })

  it('never change their selector', () => {
    const { errors } = update(deployment, web(), (changed) => (changed.spec!.selector = { matchLabels: { app: 'y' } }))
    expect(errors).toContain('spec.selector: Invalid value: {"matchLabels":{"app":"y"}}: field is immutable')
  })

  it('want their selector to select their template', () => {
    const labels = { other: 'x' }
    const { errors } = create(deployment, {
      ...base('Deployment'),
      spec: { ...spec, template: { ...template, metadata: { labels } } },
    })
    expect(errors).toEqual([
      'spec.template.metadata.labels: Invalid value: {"other":"x"}: `selector` does not match template `labels`',
    ])
  })

  it('are a new generation by their spec and by nothing else', () => {
    const labelled = update(deployment, web(), (changed) => (changed.metadata!.labels = { a: 'b' }))
    expect(labelled.object.metadata!.generation).toBe(1)
    const scaled = update(deployment, web(), (changed) => (changed.spec!.replicas = 3))
    expect(scaled.object.metadata!.generation).toBe(2)
  })

  it('are a new generation by their annotations too, because controllers copy them', () => {
    const { object } = update(deployment, web(), (changed) => (changed.metadata!.annotations = { a: 'b' }))
    expect(object.metadata!.generation).toBe(2)
  })

  it('keep status and spec apart', () => {
    const ready = (changed: ReturnType<typeof web>) => {
      changed.status = { replicas: 5 }
      changed.spec!.replicas = 9
    }
    expect(update(deployment, web(), ready).object.status).toBeUndefined()
    const { object } = update(deployment, web(), ready, 'status')
    expect(object.spec!.replicas).toBe(1)
    expect(object.status!.replicas).toBe(5)
  })

  it('refuse to be ready never and surge never', () => {
    const { errors } = update(deployment, web(), (changed) => {
      changed.spec!.strategy!.rollingUpdate = { maxSurge: 0, maxUnavailable: 0 }
    })
    expect(errors).toEqual([
      'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    ])
  })

  it('refuse settings of a rolling update when they recreate', () => {
    const strategy = { type: 'Recreate', rollingUpdate: { maxSurge: 1 } }
    const { errors } = create(deployment, { ...base('Deployment'), spec: { ...spec, strategy } })
    expect(errors).toEqual([
      "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
    ])
  })

  it('are scaled through a view of their replicas', () => {
    const scale = deployment.subresources!.find(({ name }) => name === 'scale')!.view!
    expect(scale.read(web())).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 1 },
      status: { replicas: 0, selector: 'app=x' },
    })
  })
})

describe('other workloads', () => {
  it('replica sets may select nothing that they do not make', () => {
    const { errors } = create(replicaSet, { ...base('ReplicaSet'), spec: { ...spec, selector: {} } })
    expect(errors).toContain('spec.selector: Invalid value: {}: empty selector is invalid for deployment')
  })

  it('pods of workloads always restart', () => {
    const once = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } }
    const { errors } = create(replicaSet, { ...base('ReplicaSet'), spec: { ...spec, template: once } })
    expect(errors).toContain('spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"')
  })

  it('stateful sets change little once they are made', () => {
    const old = create(statefulSet, {
      ...base('StatefulSet'),
      spec: { ...structuredClone(spec), serviceName: 's' },
    }).object
    expect(update(statefulSet, old, (changed) => (changed.spec!.replicas = 3)).errors).toEqual([])
    expect(update(statefulSet, old, (changed) => (changed.spec!.serviceName = 't')).errors[0]).toMatch(
      /^spec: Forbidden: updates to statefulset spec/,
    )
  })

  it.each([
    [0, 'Invalid value: 0: cannot be 0'],
    ['0%', 'Invalid value: "0%": cannot be 0'],
    ['101%', 'Invalid value: "101%": must not be greater than 100%'],
    [-1, 'Invalid value: -1: must be greater than or equal to 0'],
  ])('stateful sets refuse %j pods unavailable at a time', (maxUnavailable, message) => {
    const updateStrategy = { rollingUpdate: { maxUnavailable } }
    const made = { ...base('StatefulSet'), spec: { ...structuredClone(spec), serviceName: 's', updateStrategy } }
    expect(create(statefulSet, made).errors).toContain(`spec.updateStrategy.rollingUpdate.maxUnavailable: ${message}`)
  })

  it('daemon sets count the generations of their template', () => {
    const generation = (object: DaemonSet) => object.metadata!.annotations!['deprecated.daemonset.template.generation']
    const old = create(daemonSet, { ...base('DaemonSet'), spec: structuredClone(spec) }).object
    expect(generation(old)).toBe('1')
    const { object } = update(
      daemonSet,
      old,
      (changed) => (changed.spec!.template!.spec!.containers![0]!.image = 'a:2'),
    )
    expect(generation(object)).toBe('2')
  })
})
