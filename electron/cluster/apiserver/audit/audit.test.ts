import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, it } from 'vitest'
import { forbidden } from '#shared/kube/status.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { seededRandom } from '../../base/random.ts'
import { encodeProtobuf } from '../../schema/protobuf.ts'
import { typeNamed } from '../../schema/table.ts'
import type { Attributes } from '../authz/authorizer.ts'
import { jsonAnswer, statusAnswer, plainJson } from '../handlers/answer.ts'
import type { Exchange } from '../transport/exchange.ts'
import { openAuditLog } from './audit-log.ts'
import { Audit } from './audit.ts'
import { readPolicy } from './policy.ts'

const asked = (more: Partial<Attributes> = {}): Attributes => ({
  user: { name: 'jane', groups: ['devs'] },
  verb: 'create',
  isResource: true,
  group: 'apps',
  version: 'v1',
  resource: 'deployments',
  subresource: '',
  namespace: 'a',
  name: '',
  path: '/apis/apps/v1/namespaces/a/deployments',
  ...more,
})
const policy = (rules: string, more = '') =>
  readPolicy(`apiVersion: audit.k8s.io/v1\nkind: Policy\n${more}rules:\n${rules}`)

function auditing(rules: string, more = '') {
  const events: Record<string, unknown>[] = []
  const audit = new Audit({
    clock: new FakeClock(),
    random: seededRandom(1),
    policy: policy(rules, more),
    typeOf: (_, kind) => `io.k8s.api.core.v1.${kind}`,
    write: (line) => void events.push(JSON.parse(line) as Record<string, unknown>),
  })
  const sent = { metadata: { name: 'web', managedFields: [{}] } }
  const exchange = {
    target: '/apis/apps/v1/namespaces/a/deployments?dryRun=All',
    peer: { address: '::ffff:127.0.0.1' },
    common: [],
    received: Buffer.from(JSON.stringify(sent)),
    header: (name: string) => ({ 'user-agent': 'kubectl/v1.33', 'content-type': 'application/json' })[name],
  } as unknown as Exchange
  return { audit, events, exchange }
}

it('writes down who did what, when it came and when it was answered', () => {
  const { audit, events, exchange } = auditing('- level: Metadata')
  const trail = audit.begin(exchange, asked())!
  trail.impersonated({ user: { name: 'bob', groups: [] } })
  trail.decided({ allowed: true, reason: 'RBAC: allowed by …' })
  trail.completed(jsonAnswer(201, {}))
  expect(events.map(({ stage }) => stage)).toEqual(['RequestReceived', 'ResponseComplete'])
  expect(events[1]).toEqual({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'Metadata',
    auditID: events[0]!.auditID,
    stage: 'ResponseComplete',
    requestURI: '/apis/apps/v1/namespaces/a/deployments?dryRun=All',
    verb: 'create',
    user: { username: 'jane', groups: ['devs'] },
    impersonatedUser: { username: 'bob' },
    sourceIPs: ['127.0.0.1'],
    userAgent: 'kubectl/v1.33',
    objectRef: { resource: 'deployments', namespace: 'a', name: 'web', apiGroup: 'apps', apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 201 },
    requestReceivedTimestamp: '2026-01-01T00:00:00.000000Z',
    stageTimestamp: '2026-01-01T00:00:00.000000Z',
    annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': 'RBAC: allowed by …' },
  })
  expect(exchange.common).toEqual(['Audit-Id', events[0]!.auditID])
})

it('adds bodies as the level says, without managed fields where they are not wanted', () => {
  const { audit, events, exchange } = auditing('- level: RequestResponse', 'omitManagedFields: true\n')
  audit.begin(exchange, asked())!.completed(jsonAnswer(201, { metadata: { name: 'web', managedFields: [] } }))
  expect(events[1]).toMatchObject({ requestObject: { metadata: { name: 'web' } }, objectRef: { name: 'web' } })
  expect(events[1]!.responseObject).toEqual({ metadata: { name: 'web' } })
  const request = auditing('- level: Request')
  request.audit.begin(request.exchange, asked())!.completed(jsonAnswer(201, {}))
  expect(request.events[1]!.responseObject).toBeUndefined()
  expect(request.events[1]!.requestObject).toEqual({ metadata: { name: 'web', managedFields: [{}] } })
})

it('reads protobuf bodies, too', () => {
  const { audit, events, exchange } = auditing('- level: Request')
  const meta = { apiVersion: 'v1', kind: 'ConfigMap' }
  const received = encodeProtobuf(typeNamed('io.k8s.api.core.v1.ConfigMap'), { data: { a: 'b' } }, meta)
  audit.begin(Object.assign(exchange, { received }), asked())!.completed(jsonAnswer(201, {}))
  expect(events[1]!.requestObject).toMatchObject({ ...meta, data: { a: 'b' } })
})

it('says why something was refused', () => {
  const { audit, events, exchange } = auditing('- level: Metadata', 'omitStages: [RequestReceived]\n')
  const { status } = forbidden({ group: 'apps', plural: 'deployments' }, '', 'no')
  audit.begin(exchange, asked())!.completed(statusAnswer(status, plainJson))
  audit.refused(exchange, asked({ user: { name: '', groups: [] } }))
  expect(events.map(({ responseStatus }) => responseStatus)).toMatchObject([
    { code: 403, reason: 'Forbidden', status: 'Failure', message: 'deployments.apps is forbidden: no' },
    { code: 401, message: 'Authentication failed, attempted: bearer' },
  ])
})

it.each([
  ['the first rule that matches', '- {level: None, users: [jane]}\n- {level: Metadata}', {}, 'None'],
  ['groups', '- {level: None, userGroups: [devs]}\n- {level: Metadata}', {}, 'None'],
  ['verbs', '- {level: None, verbs: [get]}\n- {level: Metadata}', {}, 'Metadata'],
  ['resources', '- {level: Request, resources: [{group: apps, resources: [deployments]}]}', {}, 'Request'],
  ['groups of resources', '- {level: Request, resources: [{group: ""}]}', {}, 'None'],
  [
    'subresources',
    '- {level: Request, resources: [{group: apps, resources: ["*/scale"]}]}',
    { subresource: 'scale' },
    'Request',
  ],
  [
    'no subresource',
    '- {level: Request, resources: [{group: apps, resources: [deployments]}]}',
    { subresource: 'scale' },
    'None',
  ],
  [
    'names',
    '- {level: Request, resources: [{group: apps, resources: ["*"], resourceNames: [x]}]}',
    { name: 'x' },
    'Request',
  ],
  ['namespaces', '- {level: Request, namespaces: [b]}', {}, 'None'],
  [
    'paths',
    '- {level: Request, nonResourceURLs: ["/healthz*"]}',
    { isResource: false, path: '/healthz/ping' },
    'Request',
  ],
])('knows %s', (_, rules, more, level) => {
  expect(policy(rules).verdict(asked(more)).level).toBe(level)
})

it.each([
  ['kind: Policy', 'apiVersion and kind'],
  ['apiVersion: audit.k8s.io/v1\nkind: Policy', 'rules: there must be at least one'],
  ['apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: All}]', 'rules[0].level: All is none of None'],
  ['{', 'YAML'],
])('refuses %j, naming the field', (text, problem) => {
  expect(() => readPolicy(text)).toThrow(problem)
})

it('turns the file over when it is large, and loses nothing of it', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wheelhouse-audit-'))
  try {
    const clock = new FakeClock()
    const file = path.join(folder, 'audit.log')
    const limits = { size: 1000, waiting: 1 << 20, kept: 2 }
    {
      await using log = openAuditLog({ clock, logger: silentLogger, file, limits })
      for (let i = 0; i < 30; i++) log.write(`${i}`.padEnd(100, '.'))
    }
    const files = readdirSync(folder).sort()
    expect(files.length).toBeGreaterThan(1)
    const lines = files.flatMap((name) => readFileSync(path.join(folder, name), 'utf8').trim().split('\n'))
    expect(lines.map((line) => Number.parseInt(line, 10)).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, i) => i),
    )
    expect(statSync(file).mode & 0o077).toBe(0)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
