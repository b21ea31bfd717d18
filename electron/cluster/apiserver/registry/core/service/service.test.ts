import { describe, expect, it } from 'vitest'
import { create, update } from '../../testing/rules.ts'
import { service } from './index.ts'
import type { Service } from './types.ts'

const web = (spec: Service['spec'] = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'a' },
  spec: { ports: [{ port: 80 }], selector: { app: 'web' }, ...spec },
})

describe('services', () => {
  it('are for the cluster, over TCP, and reach the port of the same number', () => {
    expect(create(service, web()).object.spec).toMatchObject({
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    })
  })

  it('that stick to clients do so for three hours', () => {
    const { object } = create(service, web({ sessionAffinity: 'ClientIP' }))
    expect(object.spec!.sessionAffinityConfig).toEqual({ clientIP: { timeoutSeconds: 10_800 } })
  })

  it('name their ports where they have several', () => {
    expect(create(service, web({ ports: [{ port: 80 }, { port: 81 }] })).errors).toEqual([
      'spec.ports[0].name: Required value',
      'spec.ports[1].name: Required value',
    ])
  })

  it('keep their address when a client leaves it out', () => {
    const old = create(service, web({ clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'] })).object
    const { object, errors } = update(service, old, (changed) => {
      delete changed.spec!.clusterIP
      delete changed.spec!.clusterIPs
    })
    expect(errors).toEqual([])
    expect(object.spec).toMatchObject({ clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'] })
  })

  it('never change their address', () => {
    const old = create(service, web({ clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'] })).object
    const { errors } = update(service, old, (changed) => (changed.spec!.clusterIP = '10.96.0.8'))
    expect(errors[0]).toMatch(/^spec.clusterIPs\[0\]: Invalid value: .*may not change once set/)
  })

  it('keep the node port of a port by its name', () => {
    const ports = [{ name: 'http', port: 80, nodePort: 30_080 }]
    const old = create(service, web({ type: 'NodePort', ports })).object
    const { object } = update(service, old, (changed) => (changed.spec!.ports = [{ name: 'http', port: 8080 }]))
    expect(object.spec!.ports![0]!.nodePort).toBe(30_080)
  })

  it('give node ports back when they are for the cluster again', () => {
    const old = create(service, web({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] })).object
    const { object } = update(service, old, (changed) => (changed.spec!.type = 'ClusterIP'))
    expect(object.spec!.ports![0]!.nodePort).toBeUndefined()
  })

  it('by an external name have no address', () => {
    const { errors } = create(
      service,
      web({ type: 'ExternalName', externalName: 'example.com', clusterIP: '10.96.0.7' }),
    )
    expect(errors).not.toEqual([])
    expect(create(service, web({ type: 'ExternalName', externalName: 'example.com' })).errors).toEqual([])
  })
})
