// @vitest-environment node
import { expect, it } from 'vitest'
import { best, fuzzyScore } from './fuzzy.ts'

const first = (query: string, ...texts: string[]) => best(texts, query, (text) => text, 5)

it('puts what begins with the words before what only contains them', () => {
  expect(first('pod', 'Custom Pods', 'Pods', 'Podless')).toEqual(['Pods', 'Podless', 'Custom Pods'])
})

it('takes the first letters of words', () => {
  expect(first('rs', 'Services', 'Replica Sets')[0]).toBe('Replica Sets')
})

it('finds nothing for letters strewn about', () => {
  expect(fuzzyScore('Persistent Volume Claims', 'zzz')).toBe(0)
  expect(fuzzyScore('observability collector', 'btr')).toBe(0)
})
