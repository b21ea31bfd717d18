import type { Deployment } from 'kubernetes-types/apps/v1'
import type { FakeCluster, FakeObject } from './fake-cluster.ts'
import { makePod, podTemplate } from './fake-pods.ts'
import { event } from './fake-world.ts'

let made = 100

/** A deployment, replica set and kubelet in one: makes the pods that are missing, ends those too many. */
export function reconcile(cluster: FakeCluster, deployment: FakeObject, speed = 500): void {
  const { spec } = deployment as unknown as Deployment
  const image = spec?.template.spec?.containers[0]?.image ?? ''
  const name = deployment.metadata.name
  const namespace = deployment.metadata.namespace ?? 'default'
  const wanted = spec?.replicas ?? 1
  const hash = `${[...image].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 0xfffffff, 7).toString(16)}f`
  const imageOf = (set: FakeObject): string | undefined =>
    (set as unknown as Deployment).spec?.template.spec?.containers[0]?.image
  const owned = [...cluster.all('replicasets.apps').values()].filter(
    (set) => set.metadata.ownerReferences?.[0]?.uid === deployment.metadata.uid,
  )
  const set = owned.find((one) => imageOf(one) === image) ?? newSet(cluster, deployment, hash, image)
  const mine = (): FakeObject[] =>
    [...cluster.all('pods').values()].filter(
      (pod) =>
        pod.metadata.labels?.['app'] === name &&
        pod.metadata.namespace === namespace &&
        !pod.metadata.deletionTimestamp,
    )
  const isNew = (pod: FakeObject): boolean => pod.metadata.ownerReferences?.[0]?.name === set.metadata.name

  function settle(): void {
    const pods = mine()
    const ready = pods.filter(
      (pod) =>
        ((pod['status'] as { conditions: { type: string; status: string }[] }).conditions.find(
          ({ type }) => type === 'Ready',
        )?.status ?? '') === 'True',
    )
    const fresh = pods.filter(isNew)
    cluster.change('deployments.apps', deployment.metadata.uid, (object) => ({
      ...object,
      status: {
        ...(object['status'] as object),
        observedGeneration: object.metadata.generation ?? 1,
        replicas: pods.length,
        updatedReplicas: fresh.length,
        readyReplicas: ready.length,
        availableReplicas: ready.length,
        conditions: [],
      },
    }))
    for (const one of cluster.all('replicasets.apps').values()) {
      if (one.metadata.ownerReferences?.[0]?.uid !== deployment.metadata.uid) continue
      const count = pods.filter((pod) => pod.metadata.ownerReferences?.[0]?.name === one.metadata.name).length
      cluster.change('replicasets.apps', one.metadata.uid, (object) => ({
        ...object,
        spec: { ...(object['spec'] as object), replicas: count },
        status: { replicas: count, readyReplicas: count },
      }))
    }
  }
  function end(pod: FakeObject): void {
    cluster.change('pods', pod.metadata.uid, (object) => ({
      ...object,
      metadata: { ...object.metadata, deletionTimestamp: new Date().toISOString() },
    }))
    event(cluster, pod, 'Normal', 'Killing', `Stopping container ${name}`)
    setTimeout(() => {
      cluster.delete('pods', pod.metadata.uid)
      settle()
    }, speed * 1.5)
  }
  function step(): void {
    const pods = mine()
    const fresh = pods.filter(isNew)
    const old = pods.filter((pod) => !isNew(pod))
    if (fresh.length < wanted) {
      const pod = cluster.put(
        'pods',
        makePod({ namespace, owner: set, app: name, image, index: made++, pending: true }),
      )
      setTimeout(() => {
        const running = makePod({ namespace, owner: set, app: name, image, index: made++, age: 0 })
        cluster.change('pods', pod.metadata.uid, (object) => ({ ...object, status: running.status }))
        const [leaving] = mine().filter((one) => !isNew(one))
        if (leaving) end(leaving)
        settle()
      }, speed * 2)
      settle()
      setTimeout(step, speed / 2)
    } else if (fresh.length > wanted) {
      end(fresh.at(-1)!)
      settle()
      setTimeout(step, speed / 4)
    } else if (old.length > wanted) end(old[0]!)
    settle()
  }
  step()
}

function newSet(cluster: FakeCluster, deployment: FakeObject, hash: string, image: string): FakeObject {
  const { name, namespace, uid } = deployment.metadata
  const revision = String(Number(deployment.metadata.annotations?.['deployment.kubernetes.io/revision'] ?? 0) + 1)
  cluster.change('deployments.apps', uid, (object) => ({
    ...object,
    metadata: {
      ...object.metadata,
      annotations: { ...object.metadata.annotations, 'deployment.kubernetes.io/revision': revision },
    },
  }))
  return cluster.put('replicasets.apps', {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${name}-${hash}`,
      ...(namespace ? { namespace } : {}),
      labels: { app: name },
      annotations: { 'deployment.kubernetes.io/revision': revision },
      ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true }],
    },
    spec: { replicas: 0, template: podTemplate(name, image) },
    status: { replicas: 0 },
  })
}
