import { expect, it } from 'vitest'
import { seededRandom } from '../base/random.ts'
import { Boards } from './board.ts'
import { PodInfo } from './pod-info.ts'
import { defaultProfile } from './profile.ts'
import { schedule } from './schedule.ts'
import { node, pod, World } from './testing.ts'

const zoneKey = 'topology.kubernetes.io/zone'
const select = (app: string) => ({ labelSelector: { matchLabels: { app } } })
const shapes = [
  { labels: { app: 'plain' }, requests: { cpu: '500m' } },
  {
    labels: { app: 'spread' },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: zoneKey, whenUnsatisfiable: 'DoNotSchedule', ...select('spread') },
      { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', ...select('spread') },
    ],
  },
  {
    labels: { app: 'apart' },
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'kubernetes.io/hostname', ...select('apart') }],
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 10, podAffinityTerm: { topologyKey: zoneKey, ...select('plain') } },
        ],
      },
      podAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 7, podAffinityTerm: { topologyKey: zoneKey, ...select('spread') } },
        ],
      },
    },
  },
]

/** What counts of a decision, without the throw of the dice among equals. */
function essence(world: World, wanted: ReturnType<typeof pod>, boards: Boards) {
  const info = new PodInfo(wanted)
  const cycle = { pod: info, board: boards.for(info), state: world.state, random: seededRandom(1), start: 0 }
  const decision = schedule(cycle)
  return decision.placed
    ? { fitting: decision.fitting, best: decision.scores[0]?.total, plugins: decision.scores.map(({ total }) => total) }
    : { reports: decision.reports.map((report) => [report.node, report.rejections.map(({ plugin }) => plugin)]) }
}

it.each([1, 2, 3, 4, 5])('answers from what it remembers as though it had just looked (seed %i)', (seed) => {
  const random = seededRandom(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.next() * list.length)]!
  const makeNode = (i: number, cpu = '4') =>
    node(`n${i}`, { labels: { [zoneKey]: `z${i % 3}` }, allocatable: { cpu, pods: '6' } })
  const world = new World({ nodes: Array.from({ length: 9 }, (_, i) => makeNode(i)) })
  const remembering = new Boards(defaultProfile.plugins, world.state)
  const running: string[] = []
  for (let step = 0; step < 120; step++) {
    const event = random.next()
    if (event < 0.65) {
      const wanted = pod(`p${step}`, { ...pick(shapes), priority: Math.floor(random.next() * 2) })
      const fresh = essence(world, wanted, new Boards(defaultProfile.plugins, world.state))
      expect([step, essence(world, wanted, remembering)]).toEqual([step, fresh])
      if (world.place(wanted)) running.push(`uid-p${step}`)
    } else if (event < 0.9 && running.length)
      world.state.removePod(running.splice(Math.floor(random.next() * running.length), 1)[0]!)
    else if (event < 0.95) world.state.setNode(makeNode(Math.floor(random.next() * 9), pick(['2', '4'])))
    else {
      const name = Math.floor(random.next() * 9)
      world.state.removeNode(`n${name}`)
      world.state.setNode(makeNode(name))
    }
  }
})

it('looks again only at the node that has changed', () => {
  let looks = 0
  const counting = {
    name: 'Counting',
    filter: () => ({ fits: () => (looks++, true), why: () => ({ reasons: [], unresolvable: false }) }),
  }
  const world = new World({
    nodes: Array.from({ length: 50 }, (_, i) => node(`n${i}`)),
    plugins: [counting],
  })
  // Pods that come alone are not worth remembering.
  world.place(pod('first'))
  world.place(pod('second'))
  expect(looks).toBe(100)
  world.place(pod('third'))
  expect(looks).toBe(101)
})

it('goes on searching where the last pod left off, and finds one node of every zone in turn', () => {
  const nodes = Array.from({ length: 400 }, (_, i) => node(`n${i}`, { labels: { [zoneKey]: i < 200 ? 'a' : 'b' } }))
  const world = new World({ nodes })
  const cycle = world.cycle(pod('p'))
  const first = schedule(cycle)
  expect(first).toMatchObject({ placed: true, examined: 188, fitting: 188 })
  expect(
    world.state
      .nodes()
      .slice(0, 4)
      .map(({ name }) => name),
  ).toEqual(['n0', 'n200', 'n1', 'n201'])
  expect(schedule({ ...cycle, start: 300 })).toMatchObject({ placed: true, examined: 188 })
})

it('does not notice heartbeats', () => {
  const world = new World({ nodes: [node('a')] })
  const [info] = world.state.nodes()
  const { generation } = info!
  const beat = node('a')
  beat.status!.conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: '2026-01-01T00:00:10Z' as never }]
  world.state.setNode(beat)
  expect(info!.generation).toBe(generation)
  world.state.setNode(node('a', { allocatable: { cpu: '8' } }))
  expect(info!.generation).not.toBe(generation)
})

it('looks only at the nodes that a daemon pod names', () => {
  const daemon = (name: string) =>
    pod('d', {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
          },
        },
      },
    })
  const nodes = [node('a'), node('b'), node('c', { unschedulable: true })]
  expect(new World({ nodes }).decide(daemon('b'))).toMatchObject({ placed: true, examined: 1, node: { name: 'b' } })
  expect(new World({ nodes }).outcome(daemon('c'))).toContain(
    "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
  )
})
