import { expect, it } from 'vitest'
import { selectorProblems, selectorsOf, type SelectorAttributes } from './review-selectors.ts'

const fieldsOf = (fieldSelector: SelectorAttributes) => selectorsOf({ fieldSelector }).fieldSelector
const problems = (fieldSelector: SelectorAttributes) =>
  selectorProblems({ fieldSelector }, 's').map(({ field, message }) => `${field}: ${message}`)

it('narrows the question by selectors in either form', () => {
  const expected = [{ field: 'spec.nodeName', equals: true, value: 'n' }]
  expect(fieldsOf({ rawSelector: 'spec.nodeName=n' })).toEqual(expected)
  expect(fieldsOf({ requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n'] }] })).toEqual(expected)
  const labelSelector = { requirements: [{ key: 'app', operator: 'Exists' }] }
  expect(selectorsOf({ labelSelector }).labelSelector).toEqual([{ key: 'app', operator: 'exists', values: [] }])
})

it('leaves the question wider where a requirement says nothing that it knows', () => {
  expect(fieldsOf({ rawSelector: 'a,b' })).toBeUndefined()
  expect(fieldsOf({ requirements: [{ key: 'x', operator: 'In', values: ['a', 'b'] }] })).toBeUndefined()
})

it('refuses selectors in both forms, in neither, and requirements without values', () => {
  expect(problems({ rawSelector: 'a=b', requirements: [{ key: 'a', operator: 'In', values: ['b'] }] })).toEqual([
    's.fieldSelector.rawSelector: Invalid value: "a=b": may not specified at the same time as requirements',
  ])
  expect(problems({})).toEqual([
    's.fieldSelector.requirements: Required value: when fieldSelector is specified, requirements or rawSelector is required',
  ])
  expect(problems({ requirements: [{ operator: 'In' }] })).toHaveLength(2)
  expect(problems({ requirements: [{ key: 'a', operator: 'Gt' }] })[0]).toContain('Unsupported value: "Gt"')
})
