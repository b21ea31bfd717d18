import type { Service, ServicePort, ServiceSpec } from 'kubernetes-types/core/v1'
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1'

/** Builders for the tests of this folder. */
export const service = (name: string, spec: Partial<ServiceSpec> = {}): Service => ({
  metadata: { name, namespace: 'default', uid: `uid-${name}` },
  spec: {
    type: 'ClusterIP',
    clusterIP: spec.clusterIPs?.[0] ?? '10.96.7.7',
    clusterIPs: [spec.clusterIP ?? '10.96.7.7'],
    ports: [servicePort(80)],
    ...spec,
  },
})

export const servicePort = (port: number, more: Partial<ServicePort> = {}): ServicePort => ({
  port,
  protocol: 'TCP',
  ...more,
})

export const endpoint = (ip: string, more: Partial<Endpoint> = {}): Endpoint => ({
  addresses: [ip],
  conditions: { ready: true, serving: true, terminating: false },
  nodeName: 'here',
  ...more,
})

/** An endpoint of a pod that is shutting down. */
export const leaving = (ip: string, serving: boolean, more: Partial<Endpoint> = {}): Endpoint =>
  endpoint(ip, { conditions: { ready: false, serving, terminating: true }, ...more })

export const slice = (
  of: string,
  endpoints: Endpoint[],
  ports: EndpointSlice['ports'] = [{ port: 8080, protocol: 'TCP' }],
  name = `${of}-x`,
): EndpointSlice => ({
  metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': of } },
  addressType: 'IPv4',
  endpoints,
  ports,
})
