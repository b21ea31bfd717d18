// @vitest-environment node
import { expect, it } from 'vitest'
import { splitFilter } from './filters.ts'

it('takes a label selector behind -l, as k9s does', () => {
  expect(splitFilter('web crash')).toEqual({ text: 'web crash', labels: '' })
  expect(splitFilter('-l app=web,tier!=cache')).toEqual({ text: '', labels: 'app=web,tier!=cache' })
  expect(splitFilter('crash -l app in (a, b)')).toEqual({ text: 'crash', labels: 'app in (a, b)' })
})

it('leaves a name with -l inside of it alone', () => {
  expect(splitFilter('my-load-1')).toEqual({ text: 'my-load-1', labels: '' })
})
