import { describe, expect, it } from 'vitest'
import { node, pod, terminating, World } from '../testing.ts'

const zoneKey = 'topology.kubernetes.io/zone'
const zoned = (name: string, zone: string) => node(name, { labels: { [zoneKey]: zone } })
const term = (app: string, topologyKey = zoneKey, more = {}) => ({
  topologyKey,
  labelSelector: { matchLabels: { app } },
  ...more,
})
const required = (kind: 'podAffinity' | 'podAntiAffinity', ...terms: object[]) => ({
  affinity: { [kind]: { requiredDuringSchedulingIgnoredDuringExecution: terms } } as never,
})
const preferred = (kind: 'podAffinity' | 'podAntiAffinity', weight: number, podAffinityTerm: object) => ({
  affinity: { [kind]: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm }] } } as never,
})
const nodes = [zoned('a1', 'a'), zoned('a2', 'a'), zoned('b1', 'b')]
const web = (name: string, more = {}) => pod(name, { labels: { app: 'web' }, ...more })

describe('required affinity', () => {
  it('follows the pods that it asks for into their zone', () => {
    const world = new World({ nodes, running: [[web('web'), 'b1']] })
    expect(world.outcome(pod('cache', required('podAffinity', term('web'))))).toBe('b1')
  })

  it('lets the first pod of a group that wants to be together start, and binds the others to it', () => {
    const world = new World({ nodes })
    const together = required('podAffinity', term('web'))
    const first = world.place(web('first', together))
    expect(first).not.toBe('')
    const zone = first[0]
    expect([world.place(web('second', together)), world.place(web('third', together))].map((name) => name[0])).toEqual([
      zone,
      zone,
    ])
  })

  it('does not let a pod start that asks for others and is not one of them', () => {
    expect(new World({ nodes }).outcome(pod('cache', required('podAffinity', term('web'))))).toContain(
      "3 node(s) didn't match pod affinity rules",
    )
  })

  it('does not take two pods for one that matches all terms', () => {
    const world = new World({
      nodes,
      running: [
        [web('web'), 'a1'],
        [pod('db', { labels: { tier: 'db' } }), 'a1'],
      ],
    })
    const both = required('podAffinity', term('web'), {
      topologyKey: zoneKey,
      labelSelector: { matchLabels: { tier: 'db' } },
    })
    expect(world.decide(pod('cache', both)).placed).toBe(false)
  })
})

describe('required anti-affinity', () => {
  it('keeps replicas apart, one per node, and says so when there are no more', () => {
    const world = new World({ nodes })
    const apart = required('podAntiAffinity', term('web', 'kubernetes.io/hostname'))
    const placed = [1, 2, 3].map((i) => world.place(web(`web-${i}`, apart)))
    expect(new Set(placed)).toEqual(new Set(['a1', 'a2', 'b1']))
    expect(world.outcome(web('web-4', apart))).toContain("3 node(s) didn't match pod anti-affinity rules")
  })

  it('is symmetric: a pod with no rules does not move in with one that will not have it', () => {
    const loner = pod('loner', required('podAntiAffinity', term('web')))
    const world = new World({ nodes, running: [[loner, 'a1']] })
    expect(world.outcome(web('web'))).toBe('b1')
    const crowded = new World({ nodes: nodes.slice(0, 2), running: [[loner, 'a1']] })
    expect(crowded.outcome(web('web'))).toContain("2 node(s) didn't satisfy existing pods anti-affinity rules")
  })

  it('counts pods that are terminating, as upstream', () => {
    const world = new World({ nodes: [nodes[0]!], running: [[terminating(web('old')), 'a1']] })
    expect(world.decide(pod('new', required('podAntiAffinity', term('web')))).placed).toBe(false)
  })

  it('applies to the namespaces that a term names or selects, else to its own', () => {
    const labels: Record<string, Record<string, string>> = { other: { team: 'x' }, third: {} }
    const surroundings = { namespaceLabels: (name: string) => labels[name] }
    const running = [[web('web', { namespace: 'other' }), 'a1']] as const
    const world = new World({ nodes: [nodes[0]!], running, surroundings })
    const fits = (more: object) =>
      world.decide(pod('p', required('podAntiAffinity', term('web', zoneKey, more)))).placed
    expect(fits({})).toBe(true)
    expect(fits({ namespaces: ['other'] })).toBe(false)
    expect(fits({ namespaceSelector: {} })).toBe(false)
    expect(fits({ namespaceSelector: { matchLabels: { team: 'x' } } })).toBe(false)
    expect(fits({ namespaceSelector: { matchLabels: { team: 'y' } } })).toBe(true)
  })

  it('with matchLabelKeys keeps away from pods of the same revision only', () => {
    const of = (name: string, revision: string, more = {}) => pod(name, { labels: { app: 'web', revision }, ...more })
    const world = new World({ nodes: [nodes[0]!], running: [[of('old', '1'), 'a1']] })
    const apart = required('podAntiAffinity', term('web', zoneKey, { matchLabelKeys: ['revision'] }))
    expect(world.decide(of('new', '2', apart)).placed).toBe(true)
    expect(world.decide(of('same', '1', apart)).placed).toBe(false)
  })

  it('is taken into account when it comes with a pod that uses a label nobody selected by before', () => {
    const world = new World({ nodes: [nodes[0]!] })
    const replica = (i: number) => pod(`r-${i}`, { labels: { app: 'web', ordinal: String(i) } })
    expect(world.place(replica(0))).toBe('a1')
    const picky = { topologyKey: zoneKey, labelSelector: { matchLabels: { ordinal: '2' } } }
    world.run(pod('picky', required('podAntiAffinity', picky)), 'a1')
    expect(world.decide(replica(1)).placed).toBe(true)
    expect(world.decide(replica(2)).placed).toBe(false)
  })
})

describe('preferred terms', () => {
  it('draw near and push away by their weights', () => {
    const world = new World({ nodes, running: [[web('web'), 'b1']] })
    expect(world.outcome(pod('near', preferred('podAffinity', 100, term('web'))))).toBe('b1')
    expect(world.outcome(pod('away', preferred('podAntiAffinity', 100, term('web')))).startsWith('a')).toBe(true)
  })

  it('of pods that are there count for pods that ask for nothing', () => {
    const shy = pod('shy', preferred('podAntiAffinity', 100, term('web')))
    const world = new World({ nodes, running: [[shy, 'b1']] })
    expect(world.outcome(web('web')).startsWith('a')).toBe(true)
  })
})
