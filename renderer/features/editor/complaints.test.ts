// @vitest-environment node
import { expect, it } from 'vitest'
import type { ApplyOutcome } from '#shared/ipc/objects.ts'
import { complaintsOf } from './complaints.ts'

const text = 'kind: Deployment\nmetadata:\n  name: web\nspec:\n  replicsa: 3\n'
const failed = (error: NonNullable<ApplyOutcome['error']>): ApplyOutcome => ({
  kind: 'Deployment',
  name: 'web',
  outcome: 'failed',
  warnings: [],
  line: 1,
  error,
})

it('names each field that the server blames, with its line', () => {
  const causes = [
    { field: 'metadata.name', message: 'Invalid value' },
    { field: 'spec.replicas', message: 'must be positive' },
  ]
  expect(complaintsOf(text, [failed({ code: 422, reason: 'Invalid', message: 'is invalid', causes })])).toMatchObject([
    { line: 3, field: 'metadata.name' },
    { line: 4, field: 'spec.replicas' },
  ])
})

it('finds fields that strict validation only mentions in its sentence', () => {
  const message = 'strict decoding error: unknown field "spec.replicsa"'
  expect(complaintsOf(text, [failed({ code: 400, reason: 'BadRequest', message })])).toMatchObject([
    { line: 5, field: 'spec.replicsa' },
  ])
})

it('says the whole sentence at the document when no field is named', () => {
  expect(complaintsOf(text, [failed({ code: 403, reason: 'Forbidden', message: 'no' })])).toEqual([
    { line: 1, field: undefined, message: 'no' },
  ])
})

it('knows an unknown field in the words of a server-side apply', () => {
  const message =
    'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): errors:\n  .spec.replicsa: field not declared in schema\n  .nope: field not declared in schema'
  expect(complaintsOf(text, [failed({ code: 500, reason: 'InternalError', message })])).toEqual([
    { line: 5, field: 'spec.replicsa', message: 'unknown field' },
    { line: 1, field: 'nope', message: 'unknown field' },
  ])
})
