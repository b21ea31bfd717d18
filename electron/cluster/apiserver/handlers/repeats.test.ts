import { expect, it } from 'vitest'
import { repeatsOf } from './repeats.ts'

it('looks at roles as a whole before it looks at the change of them, which holds the whole as well', () => {
  expect(repeatsOf({ group: 'rbac.authorization.k8s.io', kind: 'Role' }, '')).toEqual({
    metadata: 2,
    change: 1,
    rules: 2,
  })
})

it('looks at what changed once where nothing else is said, and through subresources', () => {
  expect(repeatsOf({ group: 'apps', kind: 'Deployment' }, '')).toEqual({ metadata: 0, change: 1 })
  expect(repeatsOf({ group: '', kind: 'Node' }, 'status')).toEqual({ metadata: 0, change: 1 })
})
