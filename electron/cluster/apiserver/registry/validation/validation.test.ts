import { describe, expect, it } from 'vitest'
import { texts } from '../testing/rules.ts'
import { duplicate, invalid, notSupported, quote, required, tooLong, tooMany } from './field.ts'
import { canonicalIp, cidrContains, parsesAsIp, validateOrdinaryIp } from './ips.ts'
import { validateAnnotations, validateLabelSelector } from './labels.ts'
import { dnsLabel, dnsSubdomain, isConfigMapKey, isEnvVarName, isPortName, pathSegment } from './names.ts'
import { notMoreThan100Percent, nonNegativeIntOrPercent } from './numbers.ts'
import { nonReservedPath } from './paths.ts'

describe('field errors', () => {
  it('are worded as upstream words them', () => {
    expect(texts([required('a'), required('a', 'x')])).toEqual(['a: Required value', 'a: Required value: x'])
    expect(texts([invalid('a', 'v', 'x'), invalid('a', 3, 'x'), invalid('a', null, 'x')])).toEqual([
      'a: Invalid value: "v": x',
      'a: Invalid value: 3: x',
      'a: Invalid value: null: x',
    ])
    expect(texts([notSupported('a', 'v', ['x', 'y']), duplicate('a', 'v')])).toEqual([
      'a: Unsupported value: "v": supported values: "x", "y"',
      'a: Duplicate value: "v"',
    ])
    expect(texts([tooLong('a', 3), tooMany('a', 4, 1)])).toEqual([
      'a: Too long: may not be more than 3 bytes',
      'a: Too many: 4: must have at most 1 item',
    ])
  })
  it('quote text as Go does', () => expect(quote('a"\n\u0001\u0007\u000b\u007f')).toBe('"a\\"\\n\\x01\\a\\v\\x7f"'))
})

describe('names', () => {
  it('of labels have no dots, and say so', () => {
    expect(dnsLabel('a.b', false)).toEqual(['must not contain dots'])
    expect(dnsLabel('a'.repeat(63), false)).toEqual([])
  })
  it('that are to be completed may end in a dash', () => {
    expect(dnsSubdomain('web-', true)).toEqual([])
    expect(dnsSubdomain('web-', false)).toHaveLength(1)
  })
  it('in paths cannot leave them', () => {
    expect(pathSegment('..', false)).toEqual(["may not be '..'"])
    expect(pathSegment('a/b%', false)).toEqual(["may not contain '/'", "may not contain '%'"])
  })
  it('of keys may start with a dot, but not with two', () => {
    expect(isConfigMapKey('.config')).toEqual([])
    expect(isConfigMapKey('..data')).toEqual(["must not start with '..'"])
  })
  it('of variables may be nearly anything', () => {
    expect(isEnvVarName('a b-c.d')).toEqual([])
    expect(isEnvVarName('a=b')).toHaveLength(1)
  })
  it('of ports have a letter', () => {
    expect(isPortName('8080')).toEqual(['must contain at least one letter (a-z)'])
    expect(isPortName('http--alt')).toEqual(['must not contain consecutive hyphens'])
  })
})

describe('addresses', () => {
  it('of two families', () => {
    expect(parsesAsIp('::1')).toBe(true)
    expect(parsesAsIp('10.0.0.256')).toBe(false)
    expect(canonicalIp('2001:DB8:0:0::1')).toBe('2001:db8::1')
  })
  it('lie in ranges', () => {
    expect(cidrContains('10.96.0.0/16', '10.96.255.1')).toBe(true)
    expect(cidrContains('10.96.0.0/16', '10.97.0.1')).toBe(false)
  })
  it('that mean something else are no endpoints', () => {
    expect(validateOrdinaryIp('127.0.0.1', 'ip')).toHaveLength(1)
    expect(validateOrdinaryIp('169.254.0.1', 'ip')).toHaveLength(1)
    expect(validateOrdinaryIp('10.0.0.1', 'ip')).toEqual([])
  })
})

it('selectors give In its values and Exists none', () => {
  const of = (operator: string, values: string[]) =>
    texts(validateLabelSelector({ matchExpressions: [{ key: 'a', operator, values }] }, 's'))
  expect(of('In', [])).toEqual([
    "s.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
  ])
  expect(of('Exists', ['b'])).toHaveLength(1)
  expect(of('In', ['b'])).toEqual([])
})

it('annotations are bounded all together', () => {
  expect(validateAnnotations({ a: 'x'.repeat(256 * 1024 - 1) }, 'annotations')).toEqual([])
  expect(validateAnnotations({ a: 'x'.repeat(256 * 1024) }, 'annotations')).toHaveLength(1)
})

it('counts may be percentages, up to all', () => {
  expect(nonNegativeIntOrPercent('25%', 'a')).toEqual([])
  expect(nonNegativeIntOrPercent('x', 'a')).toHaveLength(1)
  expect(nonNegativeIntOrPercent(-1, 'a')).toHaveLength(1)
  expect(notMoreThan100Percent('101%', 'a')).toHaveLength(1)
})

it('paths in volumes stay below them', () => {
  expect(nonReservedPath('a/b', 'p')).toEqual([])
  expect(nonReservedPath('../b', 'p')).toHaveLength(1)
  expect(nonReservedPath('..data', 'p')).toHaveLength(1)
  expect(nonReservedPath('/a', 'p')).toHaveLength(1)
})
