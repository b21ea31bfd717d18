import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { kinds as autoscaling } from './autoscaling/index.ts'
import type { Autoscaler } from './autoscaling/types.ts'
import { kinds as definitions } from './apiextensions/index.ts'
import { kinds } from './index.ts'
import { kinds as leases } from './coordination/index.ts'
import { validateWebhookService, validateWebhookUrl } from './admissionregistration/webhook-client.ts'
import { roleBinding } from './rbac/binding.ts'
import { clusterRole, role } from './rbac/role.ts'
import { kinds as priorities } from './scheduling/index.ts'
import { storageClass } from './storage/storage-class.ts'
import { create, texts, update } from './testing/rules.ts'

const meta = (name = 'x') => ({ metadata: { name } })

describe('the list of kinds', () => {
  it('names each resource once in a group', () => {
    const names = kinds.map(({ group, version, plural }) => `${group}/${version}/${plural}`)
    expect(new Set(names).size).toBe(names.length)
  })
  it('has the kinds whose objects are served in two groups or versions share their place in the store', () => {
    const shared = new Map<string, number>()
    for (const { storagePrefix, plural } of kinds)
      if (storagePrefix === plural) shared.set(storagePrefix, (shared.get(storagePrefix) ?? 0) + 1)
    for (const [prefix, count] of shared) expect([prefix, count]).toEqual([prefix, 2])
  })
})

describe('updates that do not say which state they are based on', () => {
  it('are refused by the kinds of which several writers know', () => {
    const strict = kinds.filter(({ strategy }) => strategy.requireResourceVersionOnUpdate).map(({ kind }) => kind)
    expect(strict.toSorted()).toEqual([
      'APIService',
      'CSIDriver',
      'CSINode',
      'CSIStorageCapacity',
      'CustomResourceDefinition',
      'Lease',
      'MutatingAdmissionPolicy',
      'MutatingAdmissionPolicyBinding',
      'MutatingWebhookConfiguration',
      'PodDisruptionBudget',
      'RuntimeClass',
      'ValidatingAdmissionPolicy',
      'ValidatingAdmissionPolicyBinding',
      'ValidatingWebhookConfiguration',
      'VolumeAttachment',
    ])
  })
})

describe('writers of a status', () => {
  const statusErrors = (kind: string, now: object) => {
    const definition = kinds.find((each) => each.kind === kind)!
    return update(definition, meta(), (object) => Object.assign(object, { status: now }), 'status').errors
  }
  it('tell of conditions with all that conditions have', () => {
    const conditions = [{ type: 'A', status: 'Maybe', lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'R' }]
    const text = 'status.conditions[0].status: Unsupported value: "Maybe": supported values: '
    expect(statusErrors('PodDisruptionBudget', { conditions, expectedPods: -1 })).toEqual([
      `${text}"False", "True", "Unknown"`,
      'status.expectedPods: Invalid value: -1: must be greater than or equal to 0',
    ])
    expect(statusErrors('ValidatingAdmissionPolicy', { conditions })).toEqual([`${text}"False", "True", "Unknown"`])
    expect(statusErrors('APIService', { conditions })).toEqual([`${text}"True", "False", "Unknown"`])
  })
  it('name the expression that a policy is warned of', () => {
    const typeChecking = { expressionWarnings: [{ fieldRef: ' ', warning: '' }] }
    const path = 'status.typeChecking.expressionWarnings[0]'
    expect(statusErrors('ValidatingAdmissionPolicy', { typeChecking })).toEqual([
      `${path}.warning: Required value`,
      `${path}.fieldRef: Required value`,
    ])
  })
  const change = { labels: { a: 'b' }, annotations: { c: 'd' }, finalizers: ['e.example.com/f'], ownerReferences: [] }
  const kept = (kind: string) => {
    const definition = kinds.find((each) => each.kind === kind)!
    const { object } = update(definition, meta(), (now) => Object.assign(now.metadata!, change), 'status')
    return Object.keys(change).filter((name) => !(name in object.metadata!))
  }
  it('leave the metadata of some kinds alone, the labels of deployments, and owners of pods', () => {
    const kinds = ['APIService', 'FlowSchema', 'PriorityLevelConfiguration', 'ServiceCIDR', 'VolumeAttachment']
    for (const kind of [...kinds, 'ResourceClaim', 'ValidatingAdmissionPolicy'])
      expect([kind, kept(kind)]).toEqual([kind, Object.keys(change)])
    expect(kept('Deployment')).toEqual(['labels'])
    expect(kept('Pod')).toEqual(['ownerReferences'])
    expect(kept('StatefulSet')).toEqual([])
  })
})

describe('priority classes', () => {
  it('keep their value and whether they preempt', () => {
    const definition = priorities.find(({ kind }) => kind === 'PriorityClass')!
    const { object } = create(definition, { ...meta(), value: 5 } as KubeObject)
    expect(
      update(definition, object, (now) => Object.assign(now, { value: 6, preemptionPolicy: 'Never' })).errors,
    ).toEqual([
      'value: Forbidden: may not be changed in an update.',
      'preemptionPolicy: Invalid value: "Never": field is immutable',
    ])
  })
})

describe('roles', () => {
  const rule = { verbs: ['get'], apiGroups: [''], resources: ['pods'] }
  it('say what may be done to what', () => {
    expect(create(role, { ...meta(), rules: [{}] }).errors).toEqual([
      'rules[0].verbs: Required value: verbs must contain at least one value',
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ])
  })
  it('speak of paths for the whole cluster only', () => {
    const rules = [{ verbs: ['get'], nonResourceURLs: ['/healthz'] }]
    expect(create(clusterRole, { ...meta(), rules }).errors).toEqual([])
    expect(create(role, { ...meta(), rules }).errors[0]).toContain('namespaced rules cannot apply to non-resource URLs')
  })
  it('stay what a binding binds', () => {
    const binding = create(roleBinding, {
      ...meta(),
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [{ kind: 'User', name: 'jane' }],
    }).object
    expect(binding.subjects![0]!.apiGroup).toBe('rbac.authorization.k8s.io')
    expect(update(roleBinding, binding, (changed) => (changed.roleRef!.name = 's')).errors).toEqual([
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"s"}: cannot change roleRef',
    ])
  })
  it('may be named with colons', () => {
    expect(role.strategy.validateName('system:x', false)).toEqual([])
    expect(role.strategy.validateName('a/b', false)).toEqual(["may not contain '/'"])
    expect(create(role, { ...meta('system:x'), rules: [rule] }).errors).toEqual([])
  })
})

describe('autoscalers', () => {
  const [now, before] = [
    autoscaling.find(({ version }) => version === 'v2')!,
    autoscaling.find(({ version }) => version === 'v1')!,
  ]
  const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 4 }

  it('aim at 80 % of the CPU unless they say otherwise', () => {
    expect((create(now, { ...meta(), spec } as Autoscaler).object as Autoscaler).spec).toMatchObject({
      minReplicas: 1,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ],
    })
  })

  it('come back from their older version as they were', () => {
    const pods = { type: 'Pods', pods: { metric: { name: 'm' }, target: { type: 'AverageValue', averageValue: '5' } } }
    const cpu = { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }
    const stored = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'x', annotations: { mine: 'a' } },
      spec: { ...spec, metrics: [cpu, pods], behavior: { scaleDown: { selectPolicy: 'Min' } } },
      status: { currentReplicas: 2, desiredReplicas: 3, conditions: [{ type: 'AbleToScale', status: 'True' }] },
    }
    const old = before.convert!.fromStorage(structuredClone(stored))
    expect(old).toMatchObject({ spec: { targetCPUUtilizationPercentage: 50 }, status: { currentReplicas: 2 } })
    expect(before.convert!.toStorage(old)).toEqual(stored)
  })

  it('need room between least and most', () => {
    const { errors } = create(now, { ...meta(), spec: { ...spec, minReplicas: 5 } } as Autoscaler)
    expect(errors).toEqual(['spec.maxReplicas: Invalid value: 4: must be greater than or equal to `minReplicas`'])
  })
})

describe('priority classes', () => {
  const [priorityClass] = priorities
  it('of users stay below those of the system', () => {
    const of = (name: string, value: number) => create(priorityClass!, { ...meta(name), value } as never).errors
    expect(of('high', 1_000_000_000)).toEqual([])
    expect(of('high', 1_000_000_001)).toEqual([
      'value: Forbidden: maximum allowed value of a user defined priority is 1000000000',
    ])
    expect(of('system-x', 1)[0]).toContain('reserved for system use only')
    expect(of('system-node-critical', 2_000_001_000)).toEqual([])
  })
})

it('storage classes never change what volumes were made by', () => {
  const old = create(storageClass, { ...meta(), provisioner: 'example.com/x', parameters: { a: 'b' } }).object
  expect(old).toMatchObject({ reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' })
  expect(update(storageClass, old, (changed) => (changed.parameters = { a: 'c' })).errors).toEqual([
    'parameters: Invalid value: {"a":"c"}: field is immutable',
  ])
  expect(update(storageClass, old, (changed) => (changed.allowVolumeExpansion = true)).errors).toEqual([])
})

it('leases last for some time', () => {
  const { errors } = create(leases[0]!, { ...meta(), spec: { leaseDurationSeconds: 0 } } as never)
  expect(errors).toEqual(['spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0'])
})

describe('definitions of custom resources', () => {
  const [definition] = definitions
  const crd = (more: object = {}, schema: object = { type: 'object' }) => ({
    ...meta('boats.sea.example.com'),
    spec: {
      group: 'sea.example.com',
      scope: 'Namespaced',
      names: { plural: 'boats', kind: 'Boat' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      ...more,
    },
  })
  const wrong = (...args: Parameters<typeof crd>) => create(definition!, crd(...args)).errors

  it('fill in the names that are left out, and remember the stored version', () => {
    expect(create(definition!, crd()).object).toMatchObject({
      spec: { names: { singular: 'boat', listKind: 'BoatList' }, conversion: { strategy: 'None' } },
      status: { storedVersions: ['v1'] },
    })
  })
  it('are called after what they define', () => {
    expect(wrong({ names: { plural: 'ships', kind: 'Ship' } })).toEqual([
      'metadata.name: Invalid value: "boats.sea.example.com": must be spec.names.plural+"."+spec.group',
    ])
  })
  it('store one version', () => {
    const schema = { openAPIV3Schema: { type: 'object' } }
    const versions = ['v1', 'v2'].map((name) => ({ name, served: true, storage: true, schema }))
    expect(wrong({ versions })[0]).toContain('must have exactly one version marked as storage version')
  })
  it('give every field a type', () => {
    expect(wrong({}, { type: 'object', properties: { a: {} } })).toEqual([
      'spec.validation.openAPIV3Schema.properties[a].type: Required value: must not be empty for specified object fields',
    ])
    expect(wrong({}, { type: 'object', properties: { a: { 'x-kubernetes-int-or-string': true } } })).toEqual([])
  })
})

describe('clients of webhooks', () => {
  it('are reached over HTTPS, without secrets in the address', () => {
    expect(validateWebhookUrl('https://example.com/x', 'url')).toEqual([])
    expect(texts(validateWebhookUrl('http://u@example.com?q=1#f', 'url'))).toEqual([
      'url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
      'url: Invalid value: "u": user information is not permitted in the URL',
      'url: Invalid value: "f": fragments are not permitted in the URL',
      'url: Invalid value: "q=1": query parameters are not permitted in the URL',
    ])
  })
  it('are services with a path of plain segments', () => {
    expect(validateWebhookService({ name: 's', namespace: 'n', path: '/a/b', port: 443 }, 's')).toEqual([])
    expect(texts(validateWebhookService({ name: 's', namespace: 'n', path: '/a//b', port: 443 }, 's'))).toEqual([
      's.path: Invalid value: "/a//b": segment[1] may not be empty',
    ])
  })
})
