import type { Service } from 'kubernetes-types/core/v1'
import { describe, expect, it } from 'vitest'
import { formatLoadBalancerReport, loadBalancerAnnotation, type LoadBalancerPort } from '#shared/kube/load-balancer.ts'
import { services } from '#shared/kube/resources.ts'
import { service } from '../framework/testing/builders.ts'
import { harness } from '../framework/testing/harness.ts'
import { serviceLoadBalancerController } from './controller.ts'

const key = { namespace: 'default', name: 'web' }
const start = (...objects: Service[]) => harness((parts) => [serviceLoadBalancerController(parts)], objects)
const balanced = (spec: Partial<NonNullable<Service['spec']>> = {}, ports?: LoadBalancerPort[], uid = 'web-uid') =>
  service('web', {
    metadata: ports ? { annotations: { [loadBalancerAnnotation]: formatLoadBalancerReport({ uid, ports }) } } : {},
    spec: { ...service('web').spec, type: 'LoadBalancer', ...spec },
  })
const tcp = (port: number, more: Partial<LoadBalancerPort> = {}): LoadBalancerPort => ({
  port,
  protocol: 'TCP',
  bound: port,
  ...more,
})

describe('a LoadBalancer service', () => {
  it('waits for the agent, then answers on 127.0.0.1', async () => {
    await using h = await start(balanced())
    expect(h.client.find(services, key)?.status).toBeUndefined()
    h.client.change(services, key, (s) => (s.metadata!.annotations = balanced({}, [tcp(80)]).metadata!.annotations!))
    await h.run()
    expect(h.client.find(services, key)?.status).toMatchObject({
      loadBalancer: { ingress: [{ ip: '127.0.0.1', ipMode: 'Proxy', ports: [{ port: 80, protocol: 'TCP' }] }] },
      conditions: [{ type: 'wheelhouse.dev/PortsBound', status: 'True', reason: 'Bound' }],
    })
    expect(h.events()).toEqual(['EnsuredLoadBalancer: Ensured load balancer'])
  })

  it('says in status and in an event which port was chosen for one that may not be bound', async () => {
    const sentence = 'Port 80 may only be opened by an administrator: port 20080 is served instead.'
    const refused = tcp(80, { bound: 20080, error: 'PermissionDenied', message: sentence })
    await using h = await start(balanced({}, [refused]))
    expect(h.client.find(services, key)?.status).toMatchObject({
      loadBalancer: { ingress: [{ ports: [{ port: 80, error: 'wheelhouse.dev/PermissionDenied' }] }] },
      conditions: [{ status: 'False', reason: 'PermissionDenied', message: sentence }],
    })
    expect(h.events()).toEqual([`LoadBalancerPortUnavailable: ${sentence}`])
  })

  it('has no address when nothing could be bound', async () => {
    await using h = await start(balanced({}, [{ port: 80, protocol: 'TCP', error: 'PortInUse' }]))
    expect(h.client.find(services, key)?.status?.loadBalancer).toEqual({})
  })

  it('waits until a port that was added has been reported', async () => {
    const ports = [{ port: 80 }, { name: 'b', port: 81 }]
    await using h = await start(balanced({ ports }, [tcp(80)]))
    expect(h.client.find(services, key)?.status).toBeUndefined()
  })

  it('ignores the report of an earlier service of the same name', async () => {
    await using h = await start(balanced({}, [tcp(80)], 'another'))
    expect(h.client.writes()).toEqual([])
  })

  it('leaves services of other classes alone', async () => {
    await using h = await start(balanced({ loadBalancerClass: 'example.com/metal' }))
    expect(h.client.writes()).toEqual([])
  })

  it('loses address, condition and report when its type changes', async () => {
    await using h = await start(balanced({}, [tcp(80)]))
    h.client.change(services, key, (s) => (s.spec!.type = 'ClusterIP'))
    await h.run()
    const released = h.client.find(services, key)
    expect([released?.status, released?.metadata?.annotations ?? {}]).toEqual([{ loadBalancer: {} }, {}])
  })
})
