import { describe, expect, it } from 'vitest'
import { create, update } from '../testing/rules.ts'
import { ipAddress, serviceCidr } from './addresses.ts'
import { ingressClass } from './ingress-class.ts'
import { networkPolicy } from './network-policy.ts'

const fields = (errors: readonly string[]) => errors.map((text) => text.split(':', 2).join(':'))

describe('network policies', () => {
  const withBlock = (cidr: string, ...except: string[]) => ({
    metadata: { name: 'p', namespace: 'a' },
    spec: { ingress: [{ from: [{ ipBlock: { cidr, except } }] }] },
  })
  const at = 'spec.ingress[0].from[0].ipBlock'

  it('look no further than the first range that is none', () => {
    expect(fields(create(networkPolicy, withBlock('x', 'y')).errors)).toEqual([`${at}.cidr: Invalid value`])
    const { errors } = create(networkPolicy, withBlock('10.0.0.0/8', '11.0.0.0/16', 'y', 'z'))
    expect(fields(errors)).toEqual([`${at}.except[0]: Invalid value`, `${at}.except[1]: Invalid value`])
  })

  it('keep the ranges with bits of hosts that they had, and get no more of them', () => {
    const old = { ...withBlock('10.0.0.1/8') }
    expect(update(networkPolicy, old, () => {}).errors).toEqual([])
    const more = update(networkPolicy, old, (object) => Object.assign(object, withBlock('10.0.0.2/8')))
    expect(fields(more.errors)).toEqual([`${at}.cidr: Invalid value`])
  })

  it('warn of ranges that are written in another way than usual', () => {
    expect(networkPolicy.strategy.warnings?.(withBlock('FD00::/64'), undefined)).toEqual([
      `${at}.cidr: IPv6 CIDR value "FD00::/64" should be in RFC 5952 canonical format ("fd00::/64")`,
    ])
  })
})

it('service CIDRs have one range of each family, or only one', () => {
  const errorsOf = (...cidrs: string[]) => create(serviceCidr, { metadata: { name: 's' }, spec: { cidrs } }).errors
  expect(errorsOf('10.0.0.0/16', 'fd00::/112')).toEqual([])
  expect(fields(errorsOf('10.0.0.0/16', 'x'))).toEqual(['spec.cidrs: Invalid value'])
  expect(errorsOf('FD00::/112')).toEqual([
    'spec.cidrs[0]: Invalid value: "FD00::/112": must be in canonical form ("fd00::/112")',
  ])
})

it('addresses are named as they are written', () => {
  expect(ipAddress.strategy.validateName('10.0.0.1', false)).toEqual([])
  expect(ipAddress.strategy.validateName('FD00::1', false)).toEqual(['must be in canonical form ("fd00::1")'])
})

it('ingress classes say where their parameters are', () => {
  const parameters = { apiGroup: '', kind: 'K', name: 'n', scope: 'Namespace', namespace: '' }
  const { errors } = create(ingressClass, { metadata: { name: 'c' }, spec: { controller: 'a.b/c', parameters } })
  expect(fields(errors)).toEqual([
    'spec.parameters.apiGroup: Invalid value',
    'spec.parameters.namespace: Invalid value',
  ])
})
