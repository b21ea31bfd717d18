import { describe, expect, it } from 'vitest'
import { exceptKeptAddresses, validateCanonicalCidr, validateCidr, validateIp } from './ips.ts'

describe('addresses', () => {
  const texts = (errors: { message: string }[]) => errors.map(({ message }) => message.replace(/^.*?": /, ''))

  it('are read as everybody reads them', () => {
    expect(texts(validateIp('10.0.0.1', 'f'))).toEqual([])
    expect(texts(validateIp('FE80::0001', 'f'))).toEqual([])
    expect(texts(validateIp('010.0.0.1', 'f'))).toEqual(['must not have leading 0s'])
    expect(texts(validateIp('::ffff:10.0.0.1', 'f'))).toEqual(['must not be an IPv4-mapped IPv6 address'])
    expect(texts(validateIp('10.0.0', 'f'))).toEqual(['must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'])
  })

  it('have ranges without bits of hosts', () => {
    expect(texts(validateCidr('10.0.0.0/8', 'f'))).toEqual([])
    expect(texts(validateCidr('10.0.0.1/8', 'f'))).toEqual(['must not have bits set beyond the prefix length'])
    expect(texts(validateCidr('10.0.0.0/08', 'f'))).toEqual(['must not have leading 0s in IP or prefix length'])
    expect(texts(validateCidr('::ffff:10.0.0.0/104', 'f'))).toEqual(['must not have an IPv4-mapped IPv6 address'])
    expect(texts(validateCanonicalCidr('2001:DB8::/64', 'f'))).toEqual(['must be in canonical form ("2001:db8::/64")'])
  })

  it('stay as they are where they were before', () => {
    const errors = [...validateCidr('10.0.0.1/8', 'f'), ...validateCidr('nonsense', 'f')]
    expect(exceptKeptAddresses(errors, { cidr: '10.0.0.2/8' })).toHaveLength(2)
    expect(exceptKeptAddresses(errors, { cidr: '10.0.0.1/8', other: 'nonsense' })).toHaveLength(1)
  })
})
