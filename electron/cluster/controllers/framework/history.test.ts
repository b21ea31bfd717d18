import type { ControllerRevision } from 'kubernetes-types/apps/v1'
import { expect, it } from 'vitest'
import { statefulSets } from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import { forget, historyOf, recordedTemplate } from './history.ts'
import { statefulSet } from './testing/builders.ts'

const set = (image: string, collisionCount?: number) => {
  const base = statefulSet('web')
  const spec = { containers: [{ name: 'c', image }] }
  return {
    ...base,
    spec: { ...base.spec!, template: { ...base.spec!.template, spec } },
    ...(collisionCount === undefined ? {} : { status: { replicas: 0, collisionCount } }),
  }
}
const historyFor = (object: ReturnType<typeof set>, ...revisions: ControllerRevision[]) => {
  const selector = selectorOf(object.spec.selector)
  return historyOf({ type: statefulSets, object, selector, hashLabel: 'hash' }, revisions)
}
/** As it is stored once the change has been carried out. */
const stored = (image: string, revision: number, more: Partial<ControllerRevision> = {}): ControllerRevision => ({
  ...(structuredClone(historyFor(set(image)).current) as ControllerRevision),
  revision,
  ...more,
})
const numbers = (revisions: readonly { readonly revision: number }[]) => revisions.map(({ revision }) => revision)

it('begins with revision 1', () => {
  const { current, change } = historyFor(set('v1'))
  expect([current.revision, change?.verb]).toEqual([1, 'create'])
})

it('has nothing to do while the newest revision is that of the template', () => {
  const { current, others, change } = historyFor(set('v2'), stored('v1', 1), stored('v2', 4))
  expect([current.revision, numbers(others), change]).toEqual([4, [1], undefined])
})

it('numbers a new template after the newest', () => {
  const { current, others } = historyFor(set('v3'), stored('v2', 4), stored('v1', 1))
  expect([current.revision, numbers(others)]).toEqual([5, [1, 4]])
})

it('renumbers the newest of several old revisions of the template', () => {
  const again = stored('v1', 2, { metadata: { ...stored('v1', 2).metadata, name: 'again' } })
  const { current, duplicates, others, change } = historyFor(set('v1'), stored('v1', 1), stored('v2', 3), again)
  expect([current.metadata?.name, current.revision, change?.verb]).toEqual(['again', 4, 'update'])
  expect([numbers(duplicates), numbers(others)]).toEqual([[1], [3]])
})

it('orders revisions of one number by age, then by name', () => {
  const at = (image: string, name: string, creationTimestamp: string) =>
    stored(image, 1, { metadata: { ...stored(image, 1).metadata, name, creationTimestamp } })
  const late = '2026-01-02T00:00:00Z'
  const { others } = historyFor(set('v9'), at('a', 'z', late), at('b', 'b', late), at('c', 'y', '2026-01-01T00:00:00Z'))
  expect(others.map(({ metadata }) => metadata?.name)).toEqual(['y', 'b', 'z'])
})

it('names a revision after its template: another after each collision, the same whatever the order of fields', () => {
  const name = (object: ReturnType<typeof set>) => historyFor(object).current.metadata?.name
  const { metadata, spec } = set('v1').spec.template
  const turned = { ...set('v1'), spec: { ...set('v1').spec, template: { spec, metadata } } }
  expect(name(turned as ReturnType<typeof set>)).toBe(name(set('v1')))
  expect(name(set('v1', 0))).toBe(name(set('v1')))
  expect(new Set([name(set('v1')), name(set('v1', 1)), name(set('v1', 2)), name(set('v2'))]).size).toBe(4)
  const long = set('v1')
  Object.assign(long.metadata!, { name: 'x'.repeat(253) })
  expect(name(long)?.length).toBeLessThanOrEqual(253)
})

it('gives back the template that was recorded', () => {
  expect(recordedTemplate(historyFor(set('v1')).current)).toEqual(set('v1').spec.template)
})

it('forgets the oldest of the dead, and none that is on its way out already', () => {
  const going = stored('v0', 0, { metadata: { name: 'v0', deletionTimestamp: '2026-01-01T00:00:00Z' } })
  const all = [going, ...[1, 2, 3].map((n) => stored(`v${n}`, n, { metadata: { name: `v${n}` } }))]
  const names = (keep: number) =>
    forget(
      all,
      ({ revision }) => revision === 1,
      (dead) => dead - keep,
    ).map(({ key }) => key.name)
  expect([names(0), names(1), names(5)]).toEqual([['v2', 'v3'], ['v2'], []])
})
