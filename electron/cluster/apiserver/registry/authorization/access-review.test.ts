import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { contextOf } from '../testing/rules.ts'
import { accessReview, localAccessReview, selfAccessReview } from './access-review.ts'

const allow = () => ({ allowed: true, reason: '' })
const attributes = (namespace = 'a') => ({ namespace, verb: 'get', resource: 'pods' })
const ask = async (review: typeof accessReview, metadata: object, spec: object) => {
  const input = { metadata, spec: { user: 'jane', ...spec } } as KubeObject
  const wrong = (error: { status: { details: { causes: { field: string; message: string }[] } } }) =>
    error.status.details.causes.map(({ field, message }) => `${field}: ${message.split(': ').at(-1)}`)
  return review(allow).create!(input, contextOf(), {} as never).then(() => [], wrong)
}

it('asks of nothing that has a name', async () => {
  const spec = { resourceAttributes: attributes() }
  for (const review of [accessReview, selfAccessReview]) {
    expect(await ask(review, { creationTimestamp: undefined, labels: {} }, spec)).toEqual([])
    expect(await ask(review, { name: 'x' }, spec)).toEqual(['metadata: must be empty'])
  }
})

it('asks locally of resources of its namespace alone', async () => {
  expect(await ask(localAccessReview, { namespace: 'a' }, { resourceAttributes: attributes() })).toEqual([])
  expect(await ask(localAccessReview, { name: 'x' }, { resourceAttributes: attributes('b') })).toEqual([
    'metadata: must be empty except for namespace',
    'spec.resourceAttributes.namespace: must match metadata.namespace',
  ])
  expect(await ask(localAccessReview, {}, { nonResourceAttributes: { path: '/' } })).toEqual([
    'spec.nonResourceAttributes: disallowed on this kind of request',
  ])
})
