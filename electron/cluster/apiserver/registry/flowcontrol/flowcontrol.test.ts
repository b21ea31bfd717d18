import { expect, it } from 'vitest'
import { create } from '../testing/rules.ts'
import { flowSchema } from './flow-schema.ts'
import { mandatorySchemas } from './mandatory.ts'
import { priorityLevelConfiguration } from './priority-level.ts'

it('schemas and levels that every server has are always the same', () => {
  const schema = (spec: object) => create(flowSchema, { metadata: { name: 'exempt' }, spec }).errors
  expect(schema({ ...mandatorySchemas['exempt'] })).toEqual([])
  const [error] = schema({ ...mandatorySchemas['exempt'], matchingPrecedence: 2 })
  expect(error).toMatch(/^spec: Invalid value: .*: spec of 'exempt' must equal the fixed value$/)
  const level = (name: string, spec: object) =>
    create(priorityLevelConfiguration, { metadata: { name }, spec }).errors.map((text) => text.split(':')[0])
  expect(level('exempt', { type: 'Exempt', exempt: { lendablePercent: 50 } })).toEqual([])
  const limited = { nominalConcurrencyShares: 6, limitResponse: { type: 'Reject' } }
  expect(level('catch-all', { type: 'Limited', limited })).toEqual(['spec'])
  expect(level('mine', { type: 'Limited', limited })).toEqual([])
})
