import type { Deployment } from 'kubernetes-types/apps/v1'
import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { deployments, replicaSets } from '#shared/kube/resources.ts'
import { forbidden } from '#shared/kube/status.ts'
import { templateHash } from '../framework/support/template-hash.ts'
import { deployment, pod, replicaSet } from '../framework/testing/builders.ts'
import { harness, type Harness } from '../framework/testing/harness.ts'
import { deploymentController } from './controller.ts'
import { sameTemplate } from './template.ts'

const key = { namespace: 'default', name: 'web' }
const alone = (...objects: KubeObject[]) => harness((parts) => [deploymentController(parts)], objects)

const read = (h: Harness) => h.client.find(deployments, key)!
const reason = (h: Harness, type: string) => {
  const found = read(h).status?.conditions?.find((c) => c.type === type)
  return found && `${found.status} ${found.reason}`
}
const web = (spec: Partial<NonNullable<Deployment['spec']>> = {}) => {
  const base = deployment('web')
  return { ...base, spec: { ...base.spec!, ...spec } }
}

describe('rolling out', () => {
  it('creates a replica set named after the template, with its hash in labels, selector and template', async () => {
    await using h = await alone(web({ replicas: 3 }))
    const [set] = h.client.stored(replicaSets)
    const hash = set?.metadata?.labels?.['pod-template-hash'] ?? ''
    expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/)
    expect(set).toMatchObject({
      metadata: {
        name: `web-${hash}`,
        annotations: {
          'deployment.kubernetes.io/revision': '1',
          'deployment.kubernetes.io/desired-replicas': '3',
          'deployment.kubernetes.io/max-replicas': '4',
        },
        ownerReferences: [{ kind: 'Deployment', name: 'web', controller: true, blockOwnerDeletion: true }],
      },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: 'web', 'pod-template-hash': hash } },
        template: { metadata: { labels: { app: 'web', 'pod-template-hash': hash } } },
      },
    })
    expect(reason(h, 'Progressing')).toBe('True NewReplicaSetCreated')
    expect(h.events()).toEqual([`ScalingReplicaSet: Scaled up replica set web-${hash} from 0 to 3`])
    expect(read(h).metadata?.annotations).toEqual({ 'deployment.kubernetes.io/revision': '1' })
  })
})

describe('revisions', () => {
  it('copies annotations such as change-cause to the set, but not what kubectl applied last', async () => {
    const annotations = {
      'kubernetes.io/change-cause': 'first',
      'kubectl.kubernetes.io/last-applied-configuration': '{}',
    }
    const base = web()
    await using h = await alone({ ...base, metadata: { ...base.metadata, annotations } })
    const [set] = h.client.stored(replicaSets)
    expect(set?.metadata?.annotations?.['kubernetes.io/change-cause']).toBe('first')
    expect(set?.metadata?.annotations).not.toHaveProperty('kubectl.kubernetes.io/last-applied-configuration')
  })

  it('counts on from a set that was adopted, to the last of 64 bits', async () => {
    const orphan = replicaSet('old', {
      metadata: {
        labels: { app: 'web' },
        annotations: { 'deployment.kubernetes.io/revision': '3546343826724305832' },
      },
      spec: { replicas: 1, selector: { matchLabels: { app: 'web' } } },
    })
    await using h = await alone(web(), orphan)
    await h.run(100)
    expect(read(h).metadata?.annotations?.['deployment.kubernetes.io/revision']).toBe('3546343826724305833')
  })

  it('leaves a revision that is no number to whoever wrote it, and counts without it', async () => {
    const template = web().spec.template
    const orphans = [
      replicaSet('current', {
        metadata: { labels: { app: 'web' }, annotations: { 'deployment.kubernetes.io/revision': 'first' } },
        spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template },
      }),
      replicaSet('old', {
        metadata: { labels: { app: 'web' }, annotations: { 'deployment.kubernetes.io/revision': 'second' } },
        spec: { replicas: 1, selector: { matchLabels: { app: 'web' } } },
      }),
    ]
    await using h = await alone(web(), ...orphans)
    await h.run(100)
    const current = h.client.stored(replicaSets).find(({ metadata }) => metadata?.name === 'current')
    expect(current?.metadata?.annotations).toMatchObject({ 'deployment.kubernetes.io/revision': 'first' })
  })

  it('takes templates that differ only in the hash label, or in the order of fields, for equal', () => {
    const a = {
      metadata: { labels: { a: '1', 'pod-template-hash': 'x' } },
      spec: { containers: [{ name: 'c', image: 'i' }] },
    }
    const b = { spec: { containers: [{ image: 'i', name: 'c', ports: [] }] }, metadata: { labels: { a: '1' } } }
    expect(sameTemplate(a, b)).toBe(true)
    expect(templateHash(b, undefined)).toBe(
      templateHash({ ...b, spec: { containers: [{ name: 'c', image: 'i' }] } }, undefined),
    )
    expect(templateHash(b, undefined)).not.toBe(templateHash(b, 1))
  })

  it('counts a hash collision and takes another name', async () => {
    const hash = templateHash(web().spec.template, undefined)
    const foreign = replicaSet(`web-${hash}`, {
      metadata: {
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'other', uid: 'o', controller: true }],
      },
    })
    await using h = await alone(web(), foreign)
    await h.run(1000)
    expect(read(h).status?.collisionCount).toBe(1)
    expect(h.client.stored(replicaSets).map((s) => s.metadata?.name)).toContain(
      `web-${templateHash(web().spec.template, 1)}`,
    )
  })

  it('recognises its own set when the cache did not know it yet, without counting a collision', async () => {
    await using h = await alone()
    h.client.react('watch', 'replicasets', () => 'blind')
    h.client.closeWatches(replicaSets)
    h.client.seed(web())
    await h.run(100)
    h.client.change(deployments, key, (d) => (d.metadata!.labels = { again: 'yes' }))
    await h.run(100)
    expect(h.client.stored(replicaSets)).toHaveLength(1)
    expect(read(h).status?.collisionCount).toBeUndefined()
  })
})

describe('owning and failing', () => {
  it('adopts a set that matches its selector and template, instead of making one', async () => {
    const orphan = replicaSet('old', {
      metadata: { labels: { app: 'web' } },
      spec: { replicas: 1, selector: { matchLabels: { app: 'web' } }, template: web().spec.template },
    })
    await using h = await alone(web(), orphan)
    await h.run(100)
    expect(h.client.stored(replicaSets).map((s) => [s.metadata?.name, s.metadata?.ownerReferences?.[0]?.name])).toEqual(
      [['old', 'web']],
    )
    expect(reason(h, 'Progressing')).toBe('True FoundNewReplicaSet')
  })

  it('reports a replica set that may not be created', async () => {
    await using h = await alone()
    h.client.react('create', 'replicasets', () => {
      throw forbidden(replicaSets, '', 'exceeded quota')
    })
    h.client.seed(web())
    await h.run(100)
    expect(reason(h, 'Progressing')).toBe('False ReplicaSetCreateError')
    expect(h.events()[0]).toMatch(
      /^ReplicaSetCreateError: Failed to create new replica set "web-.*": replicasets.apps is forbidden: exceeded quota$/,
    )
  })

  it('refuses to select everything', async () => {
    await using h = await alone(web({ selector: {} }), pod('x'))
    await h.run(100)
    expect(h.client.stored(replicaSets)).toEqual([])
    expect(h.events()).toEqual([
      'SelectingAll: This deployment is selecting all pods. A non-empty selector is required.',
    ])
  })
})
