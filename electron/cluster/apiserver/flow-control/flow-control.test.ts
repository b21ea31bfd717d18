import type { FlowSchema, PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1'
import { expect, it } from 'vitest'
import type { Clock } from '../../base/clock.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import type { Attributes } from '../authz/authorizer.ts'
import type { UserInfo } from '../registry/kind.ts'
import { FlowControl } from './flow-control.ts'
import { dealHand } from './shuffle.ts'

const user = (name: string, ...groups: string[]): UserInfo => ({ name, groups })
const asking = (who: UserInfo, more: Partial<Attributes> = {}): Attributes => ({
  user: who,
  verb: 'list',
  isResource: true,
  group: '',
  version: 'v1',
  resource: 'pods',
  subresource: '',
  namespace: 'a',
  name: '',
  path: '',
  ...more,
})

const schema = (name: string, matchingPrecedence: number, level: string, rule: object, by = 'ByUser') =>
  ({
    metadata: { name, uid: `schema-${name}` },
    spec: {
      matchingPrecedence,
      priorityLevelConfiguration: { name: level },
      distinguisherMethod: { type: by },
      rules: [rule],
    },
  }) as FlowSchema
const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }
const group = (name: string) => [{ kind: 'Group', group: { name } }]
const level = (name: string, nominalConcurrencyShares: number, more: object = {}) =>
  ({
    metadata: { name, uid: `level-${name}` },
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares,
        lendablePercent: 0,
        limitResponse: { type: 'Queue', queuing: { queues: 16, handSize: 4, queueLengthLimit: 50 } },
        ...more,
      },
    },
  }) as unknown as PriorityLevelConfiguration

function control<C extends Pick<Clock, 'monotonic' | 'after'>>(clock: C) {
  const flows = new FlowControl({ clock })
  flows.setLevel('exempt', { metadata: { name: 'exempt', uid: 'level-exempt' }, spec: { type: 'Exempt' } })
  flows.setLevel('low', level('low', 1))
  flows.setLevel('leases', level('leases', 1))
  flows.setSchema(
    'exempt',
    schema('exempt', 1, 'exempt', { subjects: group('system:masters'), resourceRules: [everything] }),
  )
  flows.setSchema(
    'leases',
    schema('leases', 100, 'leases', {
      subjects: group('system:nodes'),
      resourceRules: [{ ...everything, apiGroups: ['coordination.k8s.io'], resources: ['leases'] }],
    }),
  )
  flows.setSchema('rest', schema('rest', 9000, 'low', { subjects: group('*'), resourceRules: [everything] }))
  const log: string[] = []
  /** Held requests keep their seats until they are let go. */
  const ask = (what: string, attributes: Attributes, work: () => Promise<unknown> | undefined = () => undefined) => {
    flows.admit(flows.classify(attributes)!, attributes, {
      gone: () => false,
      start: () => {
        log.push(what)
        return work()
      },
      reject: () => log.push(`no ${what}`),
    })
  }
  return { clock, flows, log, ask }
}

const jane = user('jane', 'system:authenticated')
const never = () => new Promise(() => {})
const seats = 300

it('takes the first FlowSchema that matches, in the order of precedence', () => {
  const { flows } = control(new FakeClock())
  const levelOf = (attributes: Attributes) => flows.classify(attributes)?.level.name
  expect(levelOf(asking(user('root', 'system:masters')))).toBe('exempt')
  const lease = { group: 'coordination.k8s.io', resource: 'leases' }
  expect(levelOf(asking(user('system:node:n', 'system:nodes'), lease))).toBe('leases')
  expect(levelOf(asking(user('system:node:n', 'system:nodes')))).toBe('low')
  expect(flows.classify(asking(jane))?.headers).toEqual([
    'X-Kubernetes-Pf-Flowschema-Uid',
    'schema-rest',
    'X-Kubernetes-Pf-Prioritylevel-Uid',
    'level-low',
  ])
})

it('follows a FlowSchema for one namespace, also after it has seen others', () => {
  const { flows } = control(new FakeClock())
  const nameOf = (namespace: string) => flows.classify(asking(jane, { namespace }))?.schema.name
  expect([nameOf('a'), nameOf('b')]).toEqual(['rest', 'rest'])
  const rule = { subjects: group('*'), resourceRules: [{ ...everything, clusterScope: false, namespaces: ['b'] }] }
  flows.setSchema('b', schema('b', 500, 'leases', rule))
  expect([nameOf('a'), nameOf('b'), nameOf('')]).toEqual(['rest', 'b', 'rest'])
})

it('starts at once what finds a seat, and queues what does not', async () => {
  const { ask, log, clock } = control(new FakeClock())
  let free = () => {}
  ask('first', asking(jane), () => new Promise<void>((resolve) => (free = resolve)))
  for (let i = 1; i < seats; i++) ask('held', asking(jane), never)
  ask('late', asking(jane))
  expect(log).not.toContain('late')
  free()
  await clock.advance(1)
  expect(log.at(-1)).toBe('late')
})

it('keeps leases going while somebody floods the server', async () => {
  const { ask, log, clock } = control(new FakeClock())
  for (let i = 0; i < 1000; i++) ask('flood', asking(jane), never)
  ask('lease', asking(user('system:node:n', 'system:nodes'), { group: 'coordination.k8s.io', resource: 'leases' }))
  expect(log.at(-1)).toBe('lease')
  expect(log).toContain('no flood')
  expect(log.filter((entry) => entry === 'flood')).toHaveLength(seats)
  await clock.advance(15_000)
  expect(log.filter((entry) => entry === 'no flood').length).toBe(1000 - seats)
})

/** Time passes only where a request says what it costs. */
function costlyClock() {
  let now = 0
  let timers: { after: number; callback: () => void }[] = []
  return {
    monotonic: () => now,
    pass: (ms: number) => void (now += ms),
    after(after: number, callback: () => void) {
      const timer = { after, callback }
      timers.push(timer)
      return () => void (timers = timers.filter((other) => other !== timer))
    },
    /** One turn of the event loop. */
    turn() {
      const due = timers.filter(({ after }) => after === 0)
      timers = timers.filter(({ after }) => after > 0)
      for (const { callback } of due) callback()
    },
  }
}

it('serves flows alike once the process itself is what they compete for, a stretch at a time', () => {
  const clock = costlyClock()
  const { log, ask } = control(clock)
  const costing = (ms: number) => () => clock.pass(ms) as undefined
  ask('busy', asking(user('batch')), costing(20))
  for (let i = 0; i < 40; i++) ask('flood', asking(jane), costing(1))
  for (let i = 0; i < 3; i++) ask('bob', asking(user('bob')), costing(1))
  expect(log).toEqual(['busy'])
  clock.turn()
  // All of who asks for little is served among the first of who asks for much; then others have their say.
  expect(log.slice(1).filter((entry) => entry === 'bob')).toHaveLength(3)
  expect(log.length).toBeLessThanOrEqual(1 + 11)
  for (let i = 0; i < 10; i++) clock.turn()
  expect(log).toHaveLength(44)
})

it('lends seats that a level does not need, as far as it says so', () => {
  const { flows, ask, log } = control(new FakeClock())
  flows.setLevel('leases', level('leases', 1, { lendablePercent: 50 }))
  for (let i = 0; i < 600; i++) ask('started', asking(jane), never)
  expect(log.filter((entry) => entry === 'started')).toHaveLength(seats + seats / 2)
})

it('tells how many seats each level has and uses', () => {
  const { flows, ask } = control(new FakeClock())
  ask('held', asking(jane), never)
  const values = Object.fromEntries(flows.gauges.map(([name, , value]) => [name, value]))
  expect(values['apiserver_flowcontrol_nominal_limit_seats{priority_level="low"}']).toBe(seats)
  expect(values['apiserver_flowcontrol_current_executing_seats{priority_level="low"}']).toBe(1)
})

it('turns away at once where a level has no queues', () => {
  const { flows, ask, log } = control(new FakeClock())
  flows.setLevel('low', level('low', 1, { limitResponse: { type: 'Reject' } }))
  for (let i = 0; i < seats; i++) ask('held', asking(jane), never)
  ask('late', asking(jane))
  expect(log.at(-1)).toBe('no late')
})

it('deals different hands to different flows, and the same to the same', () => {
  const hand = dealHand('jane', 128, 6)
  expect(new Set(hand).size).toBe(6)
  expect(hand.every((card) => card >= 0 && card < 128)).toBe(true)
  expect(dealHand('jane', 128, 6)).toEqual(hand)
  expect(dealHand('bob', 128, 6)).not.toEqual(hand)
})
