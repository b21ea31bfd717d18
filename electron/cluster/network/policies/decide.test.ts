import type { NetworkPolicy, NetworkPolicySpec } from 'kubernetes-types/networking/v1'
import { expect, it } from 'vitest'
import type { Protocol } from '../api.ts'
import { parseAddress } from '../pod-network/cidr.ts'
import { decide, type Direction, type PolicyPod } from './decide.ts'
import { holds } from './traffic.ts'

const policy = (spec: Partial<NetworkPolicySpec>, name = 'p', namespace = 'x'): NetworkPolicy => ({
  metadata: { name, namespace },
  spec: { podSelector: {}, ...spec },
})
const pod = (namespace: string, name: string, ip: string, more: Partial<PolicyPod> = {}): PolicyPod => ({
  ip,
  namespace,
  labels: { pod: name },
  ports: [{ name: 'web', protocol: 'TCP', port: 80 }],
  ...more,
})
/** Three namespaces of three pods each, as the suite upstream has them. */
const pods = ['x', 'y', 'z'].flatMap((namespace, i) =>
  ['a', 'b', 'c'].map((name, j) => pod(namespace, name, `10.0.${i}.${j + 1}`)),
)
const dns = pod('kube-system', 'dns', '10.0.0.254', {
  labels: { 'k8s-app': 'kube-dns' },
  ports: [],
  only: [{ protocol: 'UDP', port: 53 }],
})
const namespaces = new Map(['x', 'y', 'z', 'kube-system'].map((ns) => [ns, { ns }]))
const outside = '192.0.2.1'

const decided = (policies: NetworkPolicy[], all = [...pods, dns], isHere: (ip: string) => boolean = () => true) =>
  decide({ policies, pods: all, namespaces, isHere })

/** Names of who may speak with the pod on the port: `x/a`…, and `outside`. */
function allowed(
  policies: NetworkPolicy[],
  of: string,
  {
    direction = 'Ingress',
    port = 80,
    protocol = 'TCP',
    all = [...pods, dns],
  }: { direction?: Direction; port?: number; protocol?: Protocol; all?: PolicyPod[] } = {},
): string {
  const isolation = decided(policies, all)[direction].get(of)
  if (!isolation) return 'everybody'
  const names = all.map(({ namespace, labels, ip }) => [`${namespace}/${labels?.['pod'] ?? 'dns'}`, ip] as const)
  return [...names, ['outside', outside] as const]
    .flatMap(([name, ip]) => (holds(isolation.allowed, parseAddress(ip), protocol, port) ? [name] : []))
    .join(' ')
}
const ingress = (...rules: NonNullable<NetworkPolicySpec['ingress']>) => policy({ ingress: rules })
const a = { matchLabels: { pod: 'a' } }
const egress = (...rules: NonNullable<NetworkPolicySpec['egress']>) =>
  policy({ policyTypes: ['Egress'], egress: rules })
const xa = '10.0.0.1'

it('leaves pods alone that no policy selects, in the direction that no policy is of', () => {
  const only = policy({ podSelector: a })
  expect([...decided([only]).Ingress.keys()]).toEqual([xa])
  expect(decided([only]).Egress.size).toBe(0)
  expect(decided([policy({ egress: [{}] })]).Egress.size).toBe(3)
  expect(decided([egress()]).Ingress.size).toBe(0)
})

it.each([
  ['nobody where there is no rule', ingress(), ''],
  ['everybody where a rule is empty', ingress({}), 'x/a x/b x/c y/a y/b y/c z/a z/b z/c kube-system/dns outside'],
  ['pods of the own namespace', ingress({ from: [{ podSelector: a }] }), 'x/a'],
  ['all pods of namespaces', ingress({ from: [{ namespaceSelector: { matchLabels: { ns: 'y' } } }] }), 'y/a y/b y/c'],
  [
    'pods of namespaces',
    ingress({
      from: [
        { podSelector: a, namespaceSelector: { matchExpressions: [{ key: 'ns', operator: 'NotIn', values: ['x'] }] } },
      ],
    }),
    'y/a z/a',
  ],
  [
    'either of two peers',
    ingress({ from: [{ podSelector: a }, { namespaceSelector: { matchLabels: { ns: 'z' } } }] }),
    'x/a z/a z/b z/c',
  ],
  ['all pods, and nobody else', ingress({ from: [{ namespaceSelector: {} }] }), 'x/a x/b x/c y/a y/b y/c z/a z/b z/c'],
  ['a block of addresses', ingress({ from: [{ ipBlock: { cidr: '10.0.1.0/24' } }] }), 'y/a y/b y/c'],
  [
    'a block but for a part of it',
    ingress({ from: [{ ipBlock: { cidr: '10.0.0.0/16', except: ['10.0.1.0/24', '10.0.2.2/32'] } }] }),
    'x/a x/b x/c z/a z/c kube-system/dns',
  ],
  ['nobody from a block of IPv6', ingress({ from: [{ ipBlock: { cidr: 'fd00::/8' } }] }), ''],
  [
    'those of one rule or another',
    ingress({ from: [{ podSelector: a }] }, { from: [{ ipBlock: { cidr: '192.0.2.0/24' } }] }),
    'x/a outside',
  ],
])('lets in %s', (_, of, expected) => {
  expect(allowed([of], xa)).toBe(expected)
})

it('lets in what any of the policies of a pod lets in', () => {
  const b = policy({ ingress: [{ from: [{ podSelector: { matchLabels: { pod: 'b' } } }] }] }, 'q')
  expect(allowed([ingress({ from: [{ podSelector: a }] }), b, policy({}, 'deny')], xa)).toBe('x/a x/b')
})

it.each([
  ['a number', { port: 80 }, [80], [81]],
  ['a range', { port: 80, endPort: 90 }, [80, 85, 90], [79, 91]],
  ['a name, of the pod that is asked', { port: 'web' }, [80], [81]],
  ['a name that the pod has not', { port: 'other' }, [], [80]],
  ['a protocol', { protocol: 'TCP' }, [1, 65_535], []],
  ['another protocol', { protocol: 'UDP', port: 80 }, [], [80]],
])('lets in ports by %s', (_, port, open, closed) => {
  const policies = [ingress({ from: [{ podSelector: a }], ports: [port] })]
  for (const number of open) expect([number, allowed(policies, xa, { port: number })]).toEqual([number, 'x/a'])
  for (const number of closed) expect([number, allowed(policies, xa, { port: number })]).toEqual([number, ''])
})

it('takes the number of a named port from each pod on its own', () => {
  const other = pod('x', 'd', '10.0.0.4', { ports: [{ name: 'web', protocol: 'TCP', port: 8080 }] })
  const all = [...pods, other]
  const policies = [ingress({ from: [{ podSelector: a }], ports: [{ port: 'web' }] })]
  expect(['10.0.0.4', xa].map((of) => [80, 8080].map((port) => allowed(policies, of, { port, all })))).toEqual([
    ['', 'x/a'],
    ['x/a', ''],
  ])
  const out = [egress({ to: [{ podSelector: {} }], ports: [{ port: 'web' }] })]
  expect(allowed(out, xa, { direction: 'Egress', port: 8080, all })).toBe('x/d')
  expect(allowed([egress({ ports: [{ port: 'web' }] })], xa, { direction: 'Egress', port: 8080, all })).toBe('x/d')
})

it('lets pods out to DNS as to a pod of kube-system, and to nothing else of the node', () => {
  const toDns = { podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } }, namespaceSelector: {} }
  const asked = (policies: NetworkPolicy[], port: number, protocol: Protocol) =>
    allowed(policies, xa, { direction: 'Egress', port, protocol })
  for (const rule of [{ to: [toDns] }, { to: [toDns], ports: [{ port: 53, protocol: 'UDP' }] }]) {
    expect(asked([egress(rule)], 53, 'UDP')).toBe('kube-system/dns')
    expect(asked([egress(rule)], 443, 'TCP')).toBe('')
  }
  expect(asked([egress({ to: [toDns], ports: [{ port: 53, protocol: 'TCP' }] })], 53, 'UDP')).toBe('')
  expect(asked([egress()], 53, 'UDP')).toBe('')
})

it('decides on pods of this machine only, with those of others as peers', () => {
  const { Ingress } = decided([ingress({ from: [{ podSelector: {} }] })], pods, (ip) => ip === xa)
  expect([...Ingress.keys()]).toEqual([xa])
  expect(Ingress.get(xa)?.allowed.peers).toEqual([{ first: parseAddress(xa), last: parseAddress('10.0.0.3') }])
})

it('shares what is allowed among the pods of the same policies, under a name that other pods do not change', () => {
  const policies = [ingress({ from: [{ podSelector: {} }] })]
  const before = decided(policies).Ingress
  expect(new Set(before.values()).size).toBe(1)
  const after = decided(policies, [...pods, pod('x', 'd', '10.0.0.9')]).Ingress
  expect(after.get(xa)?.id).toBe(before.get(xa)?.id)
})
