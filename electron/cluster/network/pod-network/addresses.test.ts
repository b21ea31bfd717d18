import { describe, expect, it } from 'vitest'
import { AddressPool } from './address-pool.ts'
import { formatRange, overlaps, parseAddress, parseRange } from './cidr.ts'

describe('ranges', () => {
  it('reads and writes ranges at their first address', () => {
    expect(formatRange(parseRange('10.244.3.7/16'))).toBe('10.244.0.0/16')
    expect(formatRange(parseRange('192.168.1.1'))).toBe('192.168.1.1/32')
    expect(formatRange(parseRange('255.255.255.255/32'))).toBe('255.255.255.255/32')
  })

  it('sees overlaps of unequal ranges', () => {
    expect(overlaps(parseRange('10.0.0.0/8'), parseRange('10.244.0.0/16'))).toBe(true)
    expect(overlaps(parseRange('10.244.1.0/24'), parseRange('10.244.0.0/16'))).toBe(true)
    expect(overlaps(parseRange('10.244.0.0/24'), parseRange('10.244.1.0/24'))).toBe(false)
  })

  it('refuses what is no address', () => {
    expect(() => parseAddress('10.0.0.256')).toThrow(/not an IPv4 address/)
    expect(() => parseRange('10.0.0.0/33')).toThrow(/not an IPv4 range/)
  })
})

describe('address pool', () => {
  it('keeps the first address for the gateway and lets an address rest before it is given out again', () => {
    const pool = new AddressPool(parseRange('10.244.0.0/29'))
    expect(pool.gateway).toBe('10.244.0.1')
    const first = pool.take()
    expect(first).toBe('10.244.0.2')
    pool.release(first)
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([
      '10.244.0.3',
      '10.244.0.4',
      '10.244.0.5',
      '10.244.0.6',
    ])
    expect(pool.take()).toBe('10.244.0.2')
    expect(() => pool.take()).toThrow(/no address is left/)
  })

  it('never gives out what is known to be in use', () => {
    const pool = new AddressPool(parseRange('10.244.0.0/29'))
    pool.reserve('10.244.0.2')
    expect(pool.take()).toBe('10.244.0.3')
  })
})
