import { expect, it } from 'vitest'
import { create } from '../testing/rules.ts'
import { endpointSlice } from './index.ts'

const slice = (endpoint: object) => ({
  metadata: { name: 's', namespace: 'a' },
  addressType: 'IPv4',
  endpoints: [{ addresses: ['10.0.0.1'], ...endpoint }],
})

it('hints at zones by label values and at nodes by their names, each once', () => {
  const hints = { forZones: [{ name: 'a_b' }, { name: 'a_b' }], forNodes: [{ name: 'N' }] }
  const errors = create(endpointSlice, slice({ hints })).errors.map((text) => text.split(':', 2).join(':'))
  expect(errors).toEqual([
    'endpoints[0].hints.forZones[1].name: Duplicate value',
    'endpoints[0].hints.forNodes[0].name: Invalid value',
  ])
})

it('has no topology of old', () => {
  const { object, errors } = create(endpointSlice, slice({ deprecatedTopology: { '/': 'b' } }))
  expect(errors).toEqual([])
  expect(object.endpoints![0]).toEqual({ addresses: ['10.0.0.1'] })
})

it('warns of addresses that would be read otherwise elsewhere', () => {
  const object = { ...slice({ addresses: ['::ffff:10.0.0.1'] }), addressType: 'IPv6' }
  expect(endpointSlice.strategy.warnings?.(object, undefined)).toHaveLength(1)
})
