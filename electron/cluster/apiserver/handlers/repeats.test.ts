import { expect, it } from 'vitest'
import { repeatsOf } from './repeats.ts'

const none = { metadata: 0, change: 0 }
const usual = { metadata: 0, change: 1 }
const whole = { metadata: 1, change: 1 }

it('looks at roles as a whole before it looks at the change of them, which holds the whole as well', () => {
  expect(repeatsOf({ group: 'rbac.authorization.k8s.io', kind: 'Role' }, '')).toEqual({
    metadata: 2,
    change: 1,
    rules: 2,
  })
})

it('looks at what changed once where nothing else is said, and through subresources', () => {
  expect(repeatsOf({ group: 'apps', kind: 'Deployment' }, '')).toEqual(usual)
  expect(repeatsOf({ group: '', kind: 'Node' }, 'status')).toEqual(usual)
})

it('looks at services, ingresses and device classes as a whole, and at what changed', () => {
  expect(repeatsOf({ group: '', kind: 'Service' }, '')).toEqual(whole)
  expect(repeatsOf({ group: 'networking.k8s.io', kind: 'Ingress' }, '')).toEqual(whole)
  expect(repeatsOf({ group: 'resource.k8s.io', kind: 'DeviceClass' }, '')).toEqual(whole)
})

it('looks no second time at the metadata of old events and of budgets, nor at those of a status that has no rules', () => {
  expect(repeatsOf({ group: '', kind: 'Event' }, '')).toEqual(none)
  expect(repeatsOf({ group: 'events.k8s.io', kind: 'Event' }, '')).toEqual(usual)
  expect(repeatsOf({ group: 'policy', kind: 'PodDisruptionBudget' }, 'status')).toEqual(none)
  expect(repeatsOf({ group: 'batch', kind: 'CronJob' }, 'status')).toEqual(none)
})

it('looks at a signing request as a whole whoever writes it', () => {
  const request = { group: 'certificates.k8s.io', kind: 'CertificateSigningRequest' }
  for (const subresource of ['', 'status', 'approval']) expect(repeatsOf(request, subresource)).toEqual(whole)
})
