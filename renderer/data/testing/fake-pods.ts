import type { Pod, PodTemplateSpec } from 'kubernetes-types/core/v1'
import type { FakeObject } from './fake-cluster.ts'

export const podTemplate = (app: string, image: string): PodTemplateSpec => ({
  metadata: { labels: { app } },
  spec: {
    containers: [
      {
        name: app,
        image,
        ports: [{ name: 'http', containerPort: 8000, protocol: 'TCP' }],
        resources: { requests: { cpu: '50m', memory: '32Mi' }, limits: { cpu: '500m', memory: '128Mi' } },
        livenessProbe: { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 2 },
        readinessProbe: { httpGet: { path: '/readyz', port: 'http' }, periodSeconds: 1 },
      },
    ],
  },
})

interface PodWish {
  namespace: string
  app: string
  image: string
  index: number
  owner?: FakeObject
  crash?: boolean
  /** Minutes. Absent: some hours. */
  age?: number
  pending?: boolean
}

const letters = 'bcdfghjklmnpqrstvwxz2456789'
const suffix = (seed: number): string =>
  Array.from({ length: 5 }, (_, i) => letters[(seed * 7919 + i * 104_729 + seed * i) % letters.length]).join('')

/** A pod as a kubelet would report it: running, crashing or only just made. */
export function makePod({
  namespace,
  app,
  image,
  index,
  owner,
  crash = false,
  age = 187 + index,
  pending = false,
}: PodWish): Pod & {
  apiVersion: string
  kind: string
  metadata: NonNullable<Pod['metadata']>
  [field: string]: unknown
} {
  const name =
    crash && owner
      ? `${owner.metadata.name}-broken`
      : `${owner?.metadata.name ?? app}-${suffix(index + app.length * 31)}${owner ? '' : `-${index}`}`
  const time = new Date(Date.now() - age * 60_000).toISOString()
  const state = pending
    ? { waiting: { reason: 'ContainerCreating' } }
    : crash
      ? {
          waiting: {
            reason: 'CrashLoopBackOff',
            message: `back-off 2m40s restarting failed container=${app} pod=${name}_${namespace}`,
          },
        }
      : { running: { startedAt: time } }
  const ready = !pending && !crash
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      creationTimestamp: pending ? new Date().toISOString() : time,
      labels: { app, 'pod-template-hash': '7d4b9c6f58' },
      ...(owner
        ? {
            ownerReferences: [
              {
                apiVersion: 'apps/v1',
                kind: owner.kind,
                name: owner.metadata.name,
                uid: owner.metadata.uid,
                controller: true,
              },
            ],
          }
        : {}),
    },
    spec: {
      ...podTemplate(app, image).spec,
      containers: podTemplate(app, image).spec!.containers,
      nodeName: ['wheelhouse', 'sim-1', 'sim-2'][index % 3]!,
      serviceAccountName: 'default',
    },
    status: {
      phase: pending ? 'Pending' : 'Running',
      podIP: `10.244.${Math.floor(index / 250) % 250}.${(index % 250) + 2}`,
      qosClass: 'Burstable',
      startTime: time,
      conditions: [
        { type: 'PodScheduled', status: 'True', lastTransitionTime: time },
        { type: 'Initialized', status: 'True', lastTransitionTime: time },
        {
          type: 'Ready',
          status: ready ? 'True' : 'False',
          lastTransitionTime: time,
          ...(ready ? {} : { reason: 'ContainersNotReady', message: `containers with unready status: [${app}]` }),
        },
      ],
      containerStatuses: [
        {
          name: app,
          image,
          imageID: '',
          ready,
          restartCount: crash ? 17 : index % 40 === 7 ? 2 : 0,
          state,
          ...(crash
            ? {
                lastState: {
                  terminated: {
                    exitCode: 1,
                    reason: 'Error',
                    finishedAt: new Date(Date.now() - 140_000).toISOString(),
                    startedAt: time,
                  },
                },
              }
            : {}),
        },
      ],
    },
  }
}
