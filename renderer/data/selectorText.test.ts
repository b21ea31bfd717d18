// @vitest-environment node
import { expect, it } from 'vitest'
import { selectorText } from './selectorText.ts'

it('writes labels and expressions as kubectl takes them', () => {
  const text = selectorText({
    matchLabels: { app: 'web' },
    matchExpressions: [
      { key: 'tier', operator: 'In', values: ['a', 'b'] },
      { key: 'env', operator: 'NotIn', values: ['dev'] },
      { key: 'old', operator: 'DoesNotExist' },
      { key: 'new', operator: 'Exists' },
    ],
  })
  expect(text).toBe('app=web,tier in (a,b),env notin (dev),!old,new')
})

it('is undefined for a selector that names nothing, which must not become everything', () => {
  expect(selectorText({})).toBeUndefined()
  expect(selectorText(undefined)).toBeUndefined()
})
