import type { ContainerStatus as RuntimeStatus, SandboxStatus } from '../../runtime/api.ts'
import type { Container, Pod, PodRuntime } from '../types.ts'

type Spec = NonNullable<Pod['spec']>
type Overrides = {
  metadata?: Pod['metadata']
  spec?: Partial<Spec>
  status?: Pod['status']
  containers?: readonly (Partial<Container> & { name?: string })[]
}

/** A pod of one container `web`, bound to `node-1`. */
export function pod({ metadata, spec, status, containers = [{}] }: Overrides = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-1', namespace: 'shop', uid: 'uid-1', generation: 1, ...metadata },
    spec: {
      nodeName: 'node-1',
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: containers.map(container),
      ...spec,
    },
    ...(status ? { status } : {}),
  } as Pod
}

export const container = (overrides: Partial<Container> = {}): Container =>
  ({ name: 'web', image: 'shop/web:1', imagePullPolicy: 'IfNotPresent', ...overrides }) as Container

export const sandbox = (overrides: Partial<SandboxStatus> = {}): SandboxStatus => ({
  id: 's1',
  name: 'web-1',
  namespace: 'shop',
  uid: 'uid-1',
  attempt: 0,
  state: 'ready',
  ip: '10.244.0.5',
  createdAt: 1000,
  resources: {},
  ...overrides,
})

export const running = (name = 'web', overrides: Partial<RuntimeStatus> = {}): RuntimeStatus => ({
  id: `${name}-id`,
  sandboxId: 's1',
  name,
  attempt: 0,
  image: 'shop/web:1',
  imageId: 'sha256:1',
  state: 'running',
  createdAt: 2000,
  startedAt: 2000,
  finishedAt: 0,
  exitCode: 0,
  reason: '',
  message: '',
  logPath: '/dev/null',
  resources: {},
  ...overrides,
})

export const exited = (name = 'web', exitCode = 1, overrides: Partial<RuntimeStatus> = {}): RuntimeStatus =>
  running(name, { state: 'exited', exitCode, finishedAt: 3000, reason: exitCode ? 'Error' : 'Completed', ...overrides })

/** Containers newest first, as the inspector gives them. */
export const runtimeOf = (containers: readonly RuntimeStatus[] = [], sandboxes = [sandbox()]): PodRuntime => ({
  sandboxes,
  containers,
})
