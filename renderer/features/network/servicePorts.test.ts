// @vitest-environment node
import type { Service } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { portOf, remotePorts } from './forwardPorts.ts'
import { servicePorts } from './servicePorts.ts'

const service = (ingress: object[], port = 8080): Service => ({
  spec: { type: 'LoadBalancer', ports: [{ port, targetPort: 'http' }] },
  status: { loadBalancer: { ingress } },
})
const url = (some: Service) => servicePorts(some)[0]!.url

it('tells where a load balancer answers', () => {
  expect(url(service([{ hostname: 'localhost' }]))).toBe('http://localhost:8080/')
  expect(url(service([{ ip: '10.0.0.1' }], 80))).toBe('http://10.0.0.1/')
  expect(url(service([{ ip: '::1' }]))).toBe('http://[::1]:8080/')
  expect(url(service([{ hostname: 'localhost' }], 443))).toBe('https://localhost/')
  expect(url(service([]))).toBeUndefined()
})

it('offers the TCP ports that an object declares', () => {
  const pod = {
    spec: { containers: [{ name: 'a', ports: [{ containerPort: 80 }, { containerPort: 53, protocol: 'UDP' }] }] },
  }
  expect(remotePorts('pods', pod)).toEqual([{ name: undefined, port: 80 }])
  expect(remotePorts('services', service([]))).toEqual([{ name: undefined, port: 8080 }])
})

it('takes numbers that are ports and nothing else', () => {
  expect(['80', ' 8080 ', '0', '65536', '80a', ''].map(portOf)).toEqual([
    80,
    8080,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})
