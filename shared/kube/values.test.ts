import { expect, it } from 'vitest'
import { goDuration, humanDuration, parseGoDuration, shortHumanDuration } from './duration.ts'
import { intValue, scaledIntOrPercent } from './int-or-string.ts'
import { dnsLabelErrors, dnsSubdomainErrors, labelValueErrors, qualifiedNameErrors } from './names.ts'

const s = 1000,
  m = 60 * s,
  h = 60 * m,
  d = 24 * h

it.each([
  [-2 * s, '<invalid>'],
  [-1 * s, '0s'],
  [0, '0s'],
  [119 * s, '119s'],
  [120 * s, '2m'],
  [150 * s, '2m30s'],
  [10 * m + s, '10m'],
  [179 * m, '179m'],
  [180 * m, '3h'],
  [3 * h + 5 * m, '3h5m'],
  [8 * h + m, '8h'],
  [47 * h, '47h'],
  [48 * h, '2d'],
  [50 * h, '2d2h'],
  [8 * d + h, '8d'],
  [700 * d, '700d'],
  [730 * d, '2y'],
  [800 * d, '2y70d'],
  [8 * 365 * d + d, '8y'],
])('prints an age of %d ms as kubectl does: %s', (ms, text) => {
  expect(humanDuration(ms)).toBe(text)
})

it('prints a short age with one figure', () => {
  expect([59 * s, 61 * s, 90 * m, 25 * h, 400 * d].map(shortHumanDuration)).toEqual(['59s', '1m', '1h', '1d', '1y'])
})

it('prints and reads durations as Go does', () => {
  const samples = {
    '0s': 0,
    '1.5s': 1500,
    '200ms': 200,
    '1h0m0s': h,
    '2m3s': 123 * s,
    '-1m0s': -m,
    '1h2m3.5s': h + 2 * m + 3500,
  }
  for (const [text, ms] of Object.entries(samples)) {
    expect(goDuration(ms)).toBe(text)
    expect(parseGoDuration(text)).toBeCloseTo(ms)
  }
  expect(['', '1', 'h', '1h x'].map(parseGoDuration)).toEqual([undefined, undefined, undefined, undefined])
})

it('scales percentages up for surge and down for unavailability', () => {
  expect(scaledIntOrPercent('25%', 10, true)).toBe(3)
  expect(scaledIntOrPercent('25%', 10, false)).toBe(2)
  expect(scaledIntOrPercent(4, 10, true)).toBe(4)
  expect(() => scaledIntOrPercent('4', 10, true)).toThrow(
    'invalid value for IntOrString: invalid type: string is not a percentage',
  )
  expect(() => scaledIntOrPercent('x%', 10, true)).toThrow(
    'invalid value "x%": strconv.Atoi: parsing "x": invalid syntax',
  )
  expect(['12', 'x', 3].map(intValue)).toEqual([12, 0, 3])
})

it('takes the names that the API takes, and says why not', () => {
  expect(
    [
      dnsLabelErrors('a-1'),
      dnsSubdomainErrors('a.b-c'),
      qualifiedNameErrors('example.com/My_Name'),
      labelValueErrors(''),
    ].flat(),
  ).toEqual([])
  expect(dnsLabelErrors('A')).toEqual([
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
  ])
  expect(dnsSubdomainErrors('x'.repeat(254))).toEqual(['must be no more than 253 characters'])
  expect(qualifiedNameErrors('')).toHaveLength(2)
  expect(qualifiedNameErrors('/a')).toEqual(['prefix part must be non-empty'])
  expect(labelValueErrors('x'.repeat(64))).toEqual(['must be no more than 63 bytes'])
})
