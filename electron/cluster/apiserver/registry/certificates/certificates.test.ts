import { expect, it } from 'vitest'
import { contextOf, update } from '../testing/rules.ts'
import { kinds } from './index.ts'

const [kind] = kinds as [(typeof kinds)[number]]
const request = {
  metadata: { name: 'Any Name' },
  spec: { signerName: 'example.com/s', usages: ['client auth'], request: '' },
}
const report = (status: object, subresource: string, old: object = request) =>
  update(kind, old, (object) => Object.assign(object, { status }), subresource).errors.filter(
    (text) => !text.startsWith('spec.request'),
  )

it('may have any name that fits into a URL', () => {
  expect(kind.strategy.validateName('Any Name', false)).toEqual([])
  expect(kind.strategy.validateName('a/b', false)).toEqual(["may not contain '/'"])
  expect(kind.strategy.validateCreate(request, contextOf()).map(({ field }) => field)).toEqual(['spec.request'])
})

it('is approved or denied, not both, and neither is taken back or changed later', () => {
  const [approved, denied] = ['Approved', 'Denied'].map((type) => ({ type, status: 'True' }))
  expect(report({ conditions: [approved, denied] }, 'approval')).toEqual([
    'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
  ])
  const old = { ...request, status: { conditions: [approved] } }
  expect(report({ conditions: [] }, 'approval', old)).toEqual([
    'status.conditions: Forbidden: updates may not remove a condition of type "Approved"',
  ])
  const [changed] = report({ conditions: [{ ...approved, reason: 'x' }] }, 'status', old)
  expect(changed).toContain('updates may not modify a condition of type "Approved"')
})

it('is answered with certificates and nothing else', () => {
  const pem = (type: string) => Buffer.from(`-----BEGIN ${type}-----\naaaa\n-----END ${type}-----\n`).toString('base64')
  expect(report({ certificate: pem('PRIVATE KEY') }, 'status')).toEqual([
    'status.certificate: Invalid value: "<certificate data>": only CERTIFICATE PEM blocks are allowed, found "PRIVATE KEY"',
  ])
  expect(report({ certificate: Buffer.from('x').toString('base64') }, 'status')).toEqual([
    'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
  ])
  expect(report({ certificate: pem('CERTIFICATE') }, 'status')).toHaveLength(1)
})
