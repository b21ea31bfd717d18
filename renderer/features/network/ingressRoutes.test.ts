import type { Ingress, IngressSpec } from 'kubernetes-types/networking/v1'
import { expect, it } from 'vitest'
import { ingressRoutes } from './ingressRoutes.ts'

const backend = { service: { name: 'web', port: { number: 80 } } }
const rule = (host: string | undefined, path: string) => ({
  ...(host ? { host } : {}),
  http: { paths: [{ path, pathType: 'Prefix', backend }] },
})
const urls = (spec: IngressSpec, ...ports: number[]) => {
  const shown = ports.map((port) => ({ port, protocol: 'TCP' }))
  const ingress: Ingress = { spec, status: { loadBalancer: { ingress: [{ hostname: 'localhost', ports: shown }] } } }
  return ingressRoutes(ingress).map(({ url }) => url)
}

it('shows where each route answers, with TLS where its host has it', () => {
  const spec = {
    tls: [{ hosts: ['b.localhost'] }],
    rules: [rule('a.localhost', '/x'), rule('b.localhost', '/'), rule(undefined, '/'), rule('*.c', '/')],
  }
  expect(urls(spec, 80, 443)).toEqual(['http://a.localhost/x', 'https://b.localhost/', 'http://localhost/', undefined])
  expect(urls(spec, 20_080, 20_443)).toEqual([
    'http://a.localhost:20080/x',
    'https://b.localhost:20443/',
    'http://localhost:20080/',
    undefined,
  ])
})

it('shows the default backend, and no address before there is one', () => {
  expect(urls({ defaultBackend: backend }, 80, 443)).toEqual(['http://localhost/'])
  expect(ingressRoutes({ spec: { rules: [rule('a.localhost', '/')], defaultBackend: backend } })).toEqual([
    { host: 'a.localhost', path: '/', backend: 'web:80', url: undefined },
    { host: undefined, path: undefined, backend: 'web:80', url: undefined },
  ])
})
