import type { Ingress, IngressClass, IngressSpec } from 'kubernetes-types/networking/v1'
import { describe, expect, it } from 'vitest'
import { decide, findRoute, type Decision } from './decide.ts'
import { hostName } from './host-map.ts'
import { routedPath } from './path-map.ts'

const ours: IngressClass = {
  metadata: { name: 'wheelhouse', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
  spec: { controller: 'wheelhouse.dev/ingress' },
}
const nginx: IngressClass = { metadata: { name: 'nginx' }, spec: { controller: 'k8s.io/ingress-nginx' } }

const to = (service: string, port = 80) => ({ service: { name: service, port: { number: port } } })
type PathType = 'Exact' | 'Prefix' | 'ImplementationSpecific'
const rule = (host: string | undefined, ...paths: [path: string, pathType: PathType, service: string][]) => ({
  ...(host === undefined ? {} : { host }),
  http: { paths: paths.map(([path, pathType, service]) => ({ path, pathType, backend: to(service) })) },
})

/** Made later the later its name is in the alphabet. */
const ingress = (name: string, spec: IngressSpec, metadata: Ingress['metadata'] = {}): Ingress => ({
  metadata: {
    name,
    namespace: 'default',
    creationTimestamp: `2026-01-01T00:00:${name.codePointAt(0)! % 60}Z`,
    ...metadata,
  },
  spec: { ingressClassName: 'wheelhouse', ...spec },
})

const service = (decision: Decision, url: string): string | undefined => {
  const { host, pathname } = /^(?<host>[^/]*)(?<pathname>.*)$/.exec(url)!.groups as { host: string; pathname: string }
  return findRoute(decision.table, hostName(host), routedPath(pathname))?.backend?.service.replace('default/', '')
}
const routing = (...ingresses: Ingress[]) => {
  const decision = decide(ingresses, [ours, nginx])
  return { decision, to: (url: string) => service(decision, url) }
}
const messages = (decision: Decision, name: string) =>
  (decision.problems.get(`default/${name}`) ?? []).map(({ message }) => message)

describe('a path', () => {
  it.each<[rule: string, type: PathType, path: string, matches: boolean]>([
    // The table of the documentation of Ingress.
    ['/', 'Prefix', '/any/path', true],
    ['/foo', 'Exact', '/foo', true],
    ['/foo', 'Exact', '/bar', false],
    ['/foo', 'Exact', '/foo/', false],
    ['/foo/', 'Exact', '/foo', false],
    ['/foo', 'Prefix', '/foo', true],
    ['/%7Euser', 'Prefix', '/%7euser/x', true],
    ['/%7Euser', 'Exact', '/~user', true],
    ['/caf%c3%a9', 'Prefix', '/caf%C3%A9', true],
    ['/foo', 'Prefix', '/foo/', true],
    ['/foo/', 'Prefix', '/foo', true],
    ['/foo/', 'Prefix', '/foo/', true],
    ['/aaa/bb', 'Prefix', '/aaa/bbb', false],
    ['/aaa/bbb', 'Prefix', '/aaa/bbb', true],
    ['/aaa/bbb/', 'Prefix', '/aaa/bbb', true],
    ['/aaa/bbb', 'Prefix', '/aaa/bbb/', true],
    ['/aaa/bbb', 'Prefix', '/aaa/bbb/ccc', true],
    ['/aaa/bbb', 'Prefix', '/aaa/bbbxyz', false],
    ['', 'ImplementationSpecific', '/any', true],
    ['/foo', 'ImplementationSpecific', '/foo/bar', true],
    ['/foo', 'Prefix', '/Foo', false],
    ['/foo', 'Exact', '/foo?a=/b', true],
    // Written otherwise, but the same.
    ['/foo', 'Prefix', '/%66oo', true],
    ['/foo', 'Prefix', '/bar/../foo/x', true],
    ['/foo', 'Prefix', '/foo/%2e%2e/bar', false],
    ['/a/', 'Exact', '/a/b/..', true],
    ['/foo', 'Prefix', '/foo%2Fbar', false],
  ])('%s (%s) and %s: %s', (path, type, asked, matches) => {
    expect(routing(ingress('a', { rules: [rule(undefined, [path, type, 'web'])] })).to(asked)).toBe(
      matches ? 'web' : undefined,
    )
  })

  it('is served by the longest that matches, an exact one before a prefix', () => {
    const paths: Parameters<typeof rule>[1][] = [
      ['/', 'Prefix', 'root'],
      ['/aaa', 'Prefix', 'aaa'],
      ['/aaa/bbb', 'Prefix', 'bbb'],
      ['/aaa', 'Exact', 'exact'],
    ]
    for (const order of [paths, paths.toReversed()]) {
      const { to, decision } = routing(ingress('a', { rules: [rule('a.example', ...order)] }))
      expect(['/', '/aaa', '/aaa/', '/aaa/ccc', '/aaa/bbb/c'].map((path) => to(`a.example${path}`))).toEqual([
        'root',
        'exact',
        'aaa',
        'aaa',
        'bbb',
      ])
      expect(decision.problems.size).toBe(0)
    }
  })
})

describe('a host', () => {
  const { to: route } = routing(
    ingress('a', {
      rules: [
        rule('a.example', ['/a', 'Prefix', 'exact']),
        rule('*.example', ['/', 'Prefix', 'wildcard']),
        rule(undefined, ['/any', 'Prefix', 'any']),
      ],
    }),
  )

  it.each([
    ['a.example/a', 'exact'],
    ['A.Example:8080/a', 'exact'],
    ['a.example./a', 'exact'],
    ['b.example/', 'wildcard'],
    ['a.b.example/', undefined],
    ['example/', undefined],
    ['.example/', undefined],
    ['other/any/thing', 'any'],
    ['[::1]:80/any', 'any'],
  ])('%s leads to %s', (url, expected) => {
    expect(route(url)).toBe(expected)
  })

  it('that has no rule for a path leaves it to the rules of its wildcard', () => {
    expect(route('a.example/b')).toBe('wildcard')
  })
})

describe('several Ingresses', () => {
  it('are merged by host, and the older one wins where both want the same', () => {
    const old = ingress('a', { rules: [rule('x', ['/one', 'Prefix', 'old'], ['/same', 'Prefix', 'old'])] })
    const young = ingress('b', { rules: [rule('x', ['/two', 'Prefix', 'young'], ['/same/', 'Prefix', 'young'])] })
    for (const order of [
      [old, young],
      [young, old],
    ]) {
      const { to, decision } = routing(...order)
      expect(['x/one', 'x/two', 'x/same'].map(to)).toEqual(['old', 'young', 'old'])
      expect(messages(decision, 'a')).toEqual([])
      expect(messages(decision, 'b')).toEqual([
        'Prefix /same/ of host x is that of Ingress default/a, which is older: this one is not served.',
      ])
    }
  })

  it('of which one is deleted leave its rules to the other', () => {
    const old = ingress(
      'a',
      { rules: [rule('x', ['/', 'Prefix', 'old'])] },
      { deletionTimestamp: '2026-01-02T00:00:00Z' },
    )
    expect(routing(old, ingress('b', { rules: [rule('x', ['/', 'Prefix', 'young'])] })).to('x/')).toBe('young')
  })
})

describe('a default backend', () => {
  it('of an Ingress without rules takes what nobody has; one with rules what its hosts lack', () => {
    const { to: route, decision } = routing(
      ingress('a', { defaultBackend: to('own'), rules: [rule('x', ['/a', 'Exact', 'a'])] }),
      ingress('b', { defaultBackend: to('all') }),
      ingress('c', { defaultBackend: to('late') }),
    )
    expect(['x/a', 'x/b', 'y/'].map(route)).toEqual(['a', 'own', 'all'])
    expect(messages(decision, 'c')).toEqual([
      'The default backend is that of Ingress default/b, which is older: this one is not served.',
    ])
  })

  it('of an Ingress with rules takes what nobody has when there is no other', () => {
    const { to: route } = routing(ingress('a', { defaultBackend: to('own'), rules: [rule('x', ['/a', 'Exact', 'a'])] }))
    expect(route('y/')).toBe('own')
  })

  it('that is no Service is told', () => {
    const resource = { apiGroup: 'k8s.example', kind: 'Bucket', name: 'files' }
    const { decision } = routing(ingress('a', { defaultBackend: { resource } }))
    expect(messages(decision, 'a')).toEqual(['Bucket files is no Service: it cannot be a backend.'])
  })
})

describe('an Ingress is served', () => {
  const spec = { rules: [rule('x', ['/', 'Prefix', 'web'])] }
  const named = (ingressClassName: string | undefined, annotation?: string) => {
    const annotations = annotation === undefined ? {} : { 'kubernetes.io/ingress.class': annotation }
    const { ingressClassName: _default, ...rest } = ingress('a', spec, { annotations }).spec!
    const plain = { ...ingress('a', spec, { annotations }), spec: rest }
    return ingressClassName === undefined ? plain : { ...plain, spec: { ...rest, ingressClassName } }
  }
  const served = (object: Ingress, classes: IngressClass[]) => decide([object], classes).served.length === 1
  const marked = { ...nginx, metadata: { ...nginx.metadata, ...ours.metadata, name: 'nginx' } }
  const plain = { ...ours, metadata: { name: 'wheelhouse' } }

  it.each<[when: string, object: Ingress, classes: IngressClass[], expected: boolean]>([
    ['of our class', named('wheelhouse'), [ours], true],
    ['of another', named('nginx'), [ours, nginx], false],
    ['of a class that does not exist', named('gone'), [ours], false],
    ['of a class of ours with another name', named('own'), [{ ...plain, metadata: { name: 'own' } }], true],
    ['by the old annotation', named(undefined, 'wheelhouse'), [], true],
    ['by the old annotation, another', named(undefined, 'nginx'), [ours, nginx], false],
    ['without a class while ours is the default', named(undefined), [ours, nginx], true],
    ['without a class while another is', named(undefined), [plain, marked], false],
    ['without a class while there is no default', named(undefined), [plain, nginx], false],
  ])('%s', (_when, object, classes, expected) => {
    expect(served(object, classes)).toBe(expected)
  })

  it('without a class by the newest of several defaults', () => {
    const at = (each: IngressClass, creationTimestamp: string) => ({
      ...each,
      metadata: { ...each.metadata, creationTimestamp },
    })
    const [old, young] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z']
    expect(served(named(undefined), [at(ours, young), at(marked, old)])).toBe(true)
    expect(served(named(undefined), [at(ours, old), at(marked, young)])).toBe(false)
  })
})

describe('TLS', () => {
  it('is by host, the older Ingress first; without hosts it is for those of the rules', () => {
    const { decision } = routing(
      ingress('a', { tls: [{ hosts: ['x', '*.y'], secretName: 's1' }], rules: [rule('x', ['/', 'Prefix', 'web'])] }),
      ingress('b', { tls: [{ secretName: 's2' }], rules: [rule('z', ['/', 'Prefix', 'web'])] }),
      ingress('c', { tls: [{ hosts: ['x'], secretName: 's3' }, { hosts: ['w'] }], defaultBackend: to('web') }),
    )
    const { tls } = decision.table
    expect(['x', 'b.y', 'z', 'w', 'v'].map((host) => tls.get(host))).toEqual([
      { secret: 'default/s1' },
      { secret: 'default/s1' },
      { secret: 'default/s2' },
      { secret: undefined },
      undefined,
    ])
    expect([...decision.secrets.keys()]).toEqual(['default/s1', 'default/s2'])
    expect(messages(decision, 'c')).toEqual(['Host x is served with Secret default/s1, which was asked for before.'])
  })
})

it('reads its annotations, and tells of what they should not be', () => {
  const annotated = (annotations: Record<string, string>) =>
    routing(ingress('a', { defaultBackend: to('web') }, { annotations })).decision
  const settings = (annotations: Record<string, string>) => annotated(annotations).table.fallback!.settings
  expect(settings({})).toEqual({ protocol: undefined, sslRedirect: true, mostBodyBytes: 1024 ** 3 })
  expect(
    settings({
      'ingress.wheelhouse.dev/backend-protocol': 'GRPC',
      'ingress.wheelhouse.dev/ssl-redirect': 'false',
      'ingress.wheelhouse.dev/body-size': '1Ki',
    }),
  ).toEqual({ protocol: 'h2c', sslRedirect: false, mostBodyBytes: 1024 })
  expect(settings({ 'ingress.wheelhouse.dev/body-size': '0' }).mostBodyBytes).toBe(Infinity)
  const wrong = { 'ingress.wheelhouse.dev/backend-protocol': 'FCGI', 'ingress.wheelhouse.dev/body-size': 'much' }
  expect(messages(annotated(wrong), 'a')).toEqual([
    'ingress.wheelhouse.dev/backend-protocol is "FCGI", which is none of HTTP, HTTPS, H2C and GRPC.',
    'ingress.wheelhouse.dev/body-size is "much", which is no number of bytes.',
  ])
})
