import { expect, it } from 'vitest'
import { create } from '../testing/rules.ts'
import { kinds } from './index.ts'

const [runtimeClass] = kinds as [(typeof kinds)[number]]
const errorsOf = (more: object) =>
  create(runtimeClass, { metadata: { name: 'r' }, handler: 'h', ...more } as object).errors

it('pods of a class cost what a container could be limited to', () => {
  expect(errorsOf({ overhead: { podFixed: { cpu: '10m' } } })).toEqual([])
  expect(errorsOf({ overhead: { podFixed: { cpu: '-1' } } })).toEqual([
    'overhead.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ])
})

it('tolerates nothing twice', () => {
  const toleration = { key: 'k', operator: 'Exists' }
  const [error] = errorsOf({ scheduling: { tolerations: [toleration, { ...toleration }] } })
  expect(error).toMatch(/^scheduling.tolerations\[1\]: Duplicate value/)
})
