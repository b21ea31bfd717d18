import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { daemonSets, deployments } from '#shared/kube/resources.ts'
import { ApiConnection } from '../connections/api-connection.ts'
import { FakeApiServer } from '../testing/fake-api-server.ts'
import { revisionsOf, rollback } from './revisions.ts'
import { pause, restart, scale, setImage } from './workloads.ts'

let server: FakeApiServer
let connection: ApiConnection
beforeEach(async () => {
  server = await FakeApiServer.start()
  connection = new ApiConnection(server.access())
})
afterEach(() => server[Symbol.asyncDispose]())

const at = (plural: string) => ({ group: 'apps', version: 'v1', plural, namespace: 'default' })
const template = (image: string, more: object = {}) => ({
  metadata: { creationTimestamp: null, labels: { app: 'web', ...more } },
  spec: { containers: [{ name: 'web', image }], initContainers: [{ name: 'init', image: 'init:1' }] },
})
const ref = { context: 'x', resource: deployments, namespace: 'default', name: 'web' }
const last = '{"kubectl":"last"}'

function deployment(spec: object = {}): KubeObject {
  return server.store.put(at('deployments'), {
    kind: 'Deployment',
    metadata: {
      name: 'web',
      annotations: {
        'deployment.kubernetes.io/revision': '3',
        'kubectl.kubernetes.io/last-applied-configuration': last,
        'kubernetes.io/change-cause': 'third',
        mine: 'yes',
      },
    },
    spec: { selector: { matchLabels: { app: 'web' } }, template: template('web:3'), ...spec },
  } as never)
}

function set(revision: number, owner: KubeObject, image = `web:${revision}`): void {
  server.store.put(at('replicasets'), {
    kind: 'ReplicaSet',
    metadata: {
      name: `web-${revision}`,
      labels: { app: 'web' },
      annotations: {
        'deployment.kubernetes.io/revision': String(revision),
        'deployment.kubernetes.io/desired-replicas': '2',
        'deployment.kubernetes.io/max-replicas': '3',
        'deployment.kubernetes.io/revision-history': '1',
        'kubernetes.io/change-cause': `cause ${revision}`,
        old: 'yes',
      },
      ownerReferences: [{ kind: 'Deployment', name: 'web', uid: owner.metadata!.uid, controller: true }],
    },
    spec: { template: template(image, { 'pod-template-hash': `hash${revision}` }) },
    status: { replicas: revision === 3 ? 2 : 0 },
  } as never)
}

describe('a deployment', () => {
  it('shows its own replica sets as revisions, newest first, without the label of the controller', async () => {
    const owner = deployment()
    for (const revision of [1, 3, 2]) set(revision, owner)
    set(9, { metadata: { uid: 'another' } })
    server.store.put(at('replicasets'), { metadata: { name: 'stranger', labels: { app: 'db' } } })
    const revisions = await revisionsOf(connection, ref)
    expect(
      revisions.map(({ revision, current, replicas, changeCause, images }) => [
        revision,
        current,
        replicas,
        changeCause,
        images,
      ]),
    ).toEqual([
      [3, true, 2, 'cause 3', ['web:3']],
      [2, false, 0, 'cause 2', ['web:2']],
      [1, false, 0, 'cause 1', ['web:1']],
    ])
    expect(revisions[0]!.template).not.toMatch(/pod-template-hash|creationTimestamp/)
    expect(server.asked(/replicasets\?labelSelector=app%3Dweb/)).toHaveLength(1)
  })

  it('rolls back as kubectl does: the template without its hash, the revision’s annotations, but not those of the deployment', async () => {
    const owner = deployment()
    for (const revision of [1, 2, 3]) set(revision, owner)
    await rollback(connection, ref, 2)
    const [patch] = server.asked(/^PATCH/)
    expect(patch!.headers['content-type']).toBe('application/json-patch+json')
    expect(JSON.parse(patch!.body)).toEqual([
      {
        op: 'replace',
        path: '/spec/template',
        value: { metadata: { labels: { app: 'web' } }, spec: template('web:2').spec },
      },
      {
        op: 'add',
        path: '/metadata/annotations',
        value: {
          'deployment.kubernetes.io/revision': '3',
          'kubectl.kubernetes.io/last-applied-configuration': last,
          'kubernetes.io/change-cause': 'cause 2',
          old: 'yes',
        },
      },
    ])
    expect(server.store.get(at('deployments'), 'web')).toMatchObject({
      spec: { template: { spec: { containers: [{ image: 'web:2' }] } } },
    })
  })

  it.each([
    ['is paused', { paused: true }, 2, /is paused/],
    ['is as in that revision', {}, 3, /already is as in revision 3/],
    ['does not keep that revision', {}, 7, /keeps no revision 7/],
  ])('that %s is left alone', async (_what, spec, revision, message) => {
    const owner = deployment(spec)
    for (const kept of [1, 2, 3]) set(kept, owner)
    await expect(rollback(connection, ref, revision)).rejects.toThrow(message)
    expect(server.asked(/^PATCH/)).toEqual([])
  })
})

describe('a daemon set', () => {
  const ds = { context: 'x', resource: daemonSets, namespace: 'default', name: 'web' }
  const data = (image: string) => ({ spec: { template: { $patch: 'replace', ...template(image) } } })
  beforeEach(() => {
    const owner = server.store.put(at('daemonsets'), {
      kind: 'DaemonSet',
      metadata: { name: 'web' },
      spec: { selector: { matchLabels: { app: 'web' } }, template: template('web:2') },
    } as never) as KubeObject
    for (const revision of [1, 2])
      server.store.put(at('controllerrevisions'), {
        kind: 'ControllerRevision',
        metadata: {
          name: `web-${revision}`,
          labels: { app: 'web' },
          ownerReferences: [{ uid: owner.metadata!.uid, controller: true }],
        },
        revision,
        data: data(`web:${revision}`),
      } as never)
  })

  it('shows its controller revisions, without the directive of the patch that they are', async () => {
    const revisions = await revisionsOf(connection, ds)
    expect(revisions.map(({ revision, current, images }) => [revision, current, images])).toEqual([
      [2, true, ['web:2']],
      [1, false, ['web:1']],
    ])
    expect(revisions[0]!.template).not.toContain('$patch')
  })

  it('rolls back with the revision’s data as the patch, as kubectl does', async () => {
    await rollback(connection, ds, 1)
    const [patch] = server.asked(/^PATCH/)
    expect(patch!.headers['content-type']).toBe('application/strategic-merge-patch+json')
    expect(JSON.parse(patch!.body)).toEqual(JSON.parse(JSON.stringify(data('web:1'))))
    await expect(rollback(connection, ds, 2)).rejects.toThrow(/already is as in revision 2/)
  })
})

describe('a change is the patch that kubectl would send', () => {
  const sent = () =>
    server
      .asked(/^PATCH/)
      .map(({ path, headers, body }) => [
        path.split('/').at(-1),
        headers['content-type']!.split('/')[1],
        JSON.parse(body) as unknown,
      ])

  it('to the scale', async () => {
    server.fault = () => ({ body: {} })
    await scale(connection, ref, 0)
    expect(sent()).toEqual([['scale', 'merge-patch+json', { spec: { replicas: 0 } }]])
  })

  it('to pause and resume', async () => {
    deployment()
    await pause(connection, ref, true)
    await pause(connection, ref, false)
    expect(sent().map(([, , body]) => body)).toEqual([{ spec: { paused: true } }, { spec: { paused: null } }])
  })

  it('to restart, unless it is paused', async () => {
    deployment()
    await restart(connection, ref)
    const annotations = {
      'kubectl.kubernetes.io/restartedAt': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
    }
    expect(sent()).toEqual([
      ['web', 'strategic-merge-patch+json', { spec: { template: { metadata: { annotations } } } }],
    ])
    deployment({ paused: true })
    await expect(restart(connection, ref)).rejects.toThrow(/is paused/)
  })

  it('to an image, of a container that there is: another name would add one', async () => {
    deployment()
    await setImage(connection, ref, 'web', 'web:9')
    await setImage(connection, ref, 'init', 'init:9')
    expect(sent().map(([, , body]) => body)).toEqual([
      { spec: { template: { spec: { containers: [{ name: 'web', image: 'web:9' }] } } } },
      { spec: { template: { spec: { initContainers: [{ name: 'init', image: 'init:9' }] } } } },
    ])
    await expect(setImage(connection, ref, 'wep', 'x')).rejects.toMatchObject({
      message: 'Deployment web has no container wep.',
      cure: 'It has web, init.',
    })
  })
})
