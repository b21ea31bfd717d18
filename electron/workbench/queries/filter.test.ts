import { describe, expect, it } from 'vitest'
import type { QueryFilter } from '#shared/ipc/queries.ts'
import { matches, parseSelector } from '#shared/kube/selectors.ts'
import { record } from '../testing/records.ts'
import { bounded, filterOf, refines, withoutExpression, type ParseLabels } from './filter.ts'

const parseLabels: ParseLabels = (selector) => {
  const parsed = parseSelector(selector)
  return (labels) => matches(parsed, labels)
}
const none: QueryFilter = { text: '', labels: '', faultsOnly: false }
const filter = (wish: Partial<QueryFilter>) => filterOf({ ...none, ...wish }, parseLabels)
const passes = (text: string, name: string) => filter({ text }).matches(record(name))

describe('text', () => {
  it('wants every word, in any order and case', () => {
    expect(passes('Default WEB', 'web-1')).toBe(true)
    expect(passes('web other', 'web-1')).toBe(false)
  })

  it('between slashes is a regular expression over each text of the row', () => {
    expect(passes('/^web-\\d$/', 'web-1')).toBe(true)
    expect(passes('/^eb/', 'web-1')).toBe(false)
    expect(passes('/WEB|db/', 'db')).toBe(true)
  })

  it('is looked for as it is while the expression is unfinished, and says so', () => {
    expect(passes('/web-(/', 'a/web-(/b')).toBe(true)
    expect(filter({ text: '/web-(/' }).problem).toMatch(/not a regular expression yet/)
    expect(filter({ text: '/' }).problem).toBeUndefined()
  })
})

describe('labels', () => {
  it('are a selector as kubectl’s -l', () => {
    const { matches: test } = filter({ labels: 'app in (web, db), !tier' })
    expect(['web', 'db', 'x'].map((name) => test(record(name)))).toEqual([true, true, false])
  })

  it('half-typed match nothing, and say why', () => {
    const half = filter({ labels: 'app in (web' })
    expect(half.matches(record('web'))).toBe(false)
    expect(half.problem).toMatch(/./)
  })
})

it('narrows to tones, and to what is wrong', () => {
  const rows = (['ok', 'busy', 'warn', 'bad', 'off'] as const).map((tone) => record(tone, { tone }))
  const left = (wish: Partial<QueryFilter>) =>
    rows.filter(filter(wish).narrows ?? (() => true)).map(({ row }) => row.tone)
  expect(left({ faultsOnly: true })).toEqual(['warn', 'bad'])
  expect(left({ tones: ['busy', 'bad'] })).toEqual(['busy', 'bad'])
  expect(left({ tones: ['busy', 'bad'], faultsOnly: true })).toEqual(['bad'])
  expect(left({ tones: [] })).toHaveLength(5)
})

it('ends an expression that would take longer than the universe, and what it throws comes through', () => {
  const evil = filter({ text: '/(a+)+$/' })
  expect(evil.risky).toBe(true)
  expect(bounded(() => void evil.matches(record(`${'a'.repeat(60)}!`)), 20)).toBe(false)
  expect(bounded(() => void evil.matches(record('aaa')))).toBe(true)
  expect(() => bounded(() => expect.fail('mine'))).toThrow('mine')
  expect(withoutExpression({ ...none, text: '/(a+)+$/' }, parseLabels)).toMatchObject({
    risky: false,
    problem: expect.stringContaining('too long') as string,
  })
})

it('knows when nothing can match that did not match before, and never says so where it might', () => {
  const to = (before: Partial<QueryFilter>, next: Partial<QueryFilter>) =>
    refines({ ...none, ...next }, { ...none, ...before })
  expect(to({ text: '' }, { text: 'w' })).toBe(true)
  expect(to({ text: 'WE' }, { text: 'web' })).toBe(true)
  expect(to({ text: 'we' }, { text: 'other swept' })).toBe(true)
  expect(to({ text: 'web' }, { text: 'we' })).toBe(false)
  expect(to({ text: 'web db' }, { text: 'web d' })).toBe(false)
  expect(to({ text: 'web' }, { text: '/web|db/' })).toBe(false)
  expect(to({ text: '/a/' }, { text: '/a/ b' })).toBe(false)
  expect(to({ text: 'web', labels: 'app=a' }, { text: 'web-1', labels: 'app=b' })).toBe(false)
  expect(to({ text: 'web', faultsOnly: true }, { text: 'web-1', tones: ['ok'] })).toBe(true)
})
