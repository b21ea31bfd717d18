import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import type { ActionServices } from '../registry/kind.ts'
import { containerOf, podTarget, serviceTarget } from './targets.ts'

const services = (objects: Record<string, KubeObject>): ActionServices =>
  ({
    get: (_kind: unknown, namespace: string, name: string) => objects[`${namespace}/${name}`],
    list: () => Object.values(objects),
  }) as unknown as ActionServices

const pod = (podIP: string): KubeObject =>
  ({
    metadata: { name: 'p' },
    spec: { containers: [{ name: 'app', ports: [{ name: 'http', containerPort: 8080 }] }] },
    status: { podIP },
  }) as KubeObject

it('chooses the container that the pod says is its main one', () => {
  const two = {
    metadata: { name: 'p', annotations: { 'kubectl.kubernetes.io/default-container': 'side' } },
    spec: { containers: [{ name: 'app' }, { name: 'side' }], initContainers: [{ name: 'init' }] },
  } as Pod
  expect(containerOf(two, null)).toBe('side')
  expect(containerOf(two, 'init')).toBe('init')
  delete two.metadata!.annotations
  expect(() => containerOf(two, null)).toThrow(
    'a container name must be specified for pod p, choose one of: [app side] or one of the init containers: [init]',
  )
})

it('finds a pod by number or name of its port', () => {
  const found = services({ 'a/p': pod('10.244.0.5') })
  expect(podTarget(found, 'a', 'p')).toEqual({ scheme: 'http', host: '10.244.0.5', port: 8080 })
  expect(podTarget(found, 'a', 'https:p:9090')).toEqual({ scheme: 'https', host: '10.244.0.5', port: 9090 })
  expect(podTarget(found, 'a', 'p:http').port).toBe(8080)
})

it.each(['127.0.0.1', '169.254.169.254', '::1', '0.0.0.0', 'localhost', ''])(
  'does not reach %j, whatever a pod claims',
  (address) => {
    expect(() => podTarget(services({ 'a/p': pod(address) }), 'a', 'p')).toThrow('address not allowed')
  },
)

it('finds a ready endpoint of a service', () => {
  const objects = {
    'a/web': { metadata: { name: 'web' }, spec: { ports: [{ name: 'http', port: 80 }] } },
    'a/slice': {
      metadata: { name: 'slice', labels: { 'kubernetes.io/service-name': 'web' } },
      ports: [{ name: 'http', port: 8080 }],
      endpoints: [
        { addresses: ['10.244.0.5'], conditions: { ready: false } },
        { addresses: ['10.244.0.6'], conditions: { ready: true } },
      ],
    },
  }
  expect(serviceTarget(services(objects as never), 'a', 'web:http')).toEqual({
    scheme: 'http',
    host: '10.244.0.6',
    port: 8080,
  })
  expect(() => serviceTarget(services(objects as never), 'a', 'web:nope')).toThrow(
    'no service port "nope" found for service "web"',
  )
})
