import { describe, expect, it } from 'vitest'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  milliValueOf,
  parseQuantity,
  quantityOf,
  subtractQuantities,
  valueOf,
} from './quantity.ts'

const sequence = (seed: number) => () => {
  seed = (seed * 1103515245 + 12345) & 0x7fffffff
  return seed / 0x7fffffff
}

describe('canonical text', () => {
  it.each([
    ['0', '0'],
    ['0.0', '0'],
    ['-0', '0'],
    ['0Ki', '0'],
    ['+', '0'],
    ['1', '1'],
    ['0.5', '500m'],
    ['0.1', '100m'],
    ['.5', '500m'],
    ['5.', '5.'],
    ['1.5', '1500m'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['0.001', '1m'],
    ['0.0001', '100u'],
    ['1e3', '1e3'],
    ['1E3', '1E3'],
    ['12e6', '12e6'],
    ['1e-3', '1e-3'],
    ['100e-3', '100e-3'],
    ['1000k', '1M'],
    ['10M', '10M'],
    ['1024', '1024'],
    ['123456789', '123456789'],
    ['1Ki', '1Ki'],
    ['1024Ki', '1Mi'],
    ['2048Ki', '2Mi'],
    ['0.5Gi', '512Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['1000Ki', '1000Ki'],
    ['0.1Ki', '102400m'],
    ['1.1Mi', '1153433600m'],
    ['-1Gi', '-1Gi'],
    ['-0.5', '-500m'],
    ['1000000000000000000', '1E'],
    ['1000E', '1e21'],
    ['9223372036854775807', '9223372036854775807'],
    ['9223372036854775808', '9223372036854775808'],
    ['8Ei', '9223372036854775807'],
    ['0.0000000001', '1n'],
    ['1.0000000001', '1000000001n'],
  ])('writes %s as %s', (written, canonical) => {
    expect(canonicalQuantity(written)).toBe(canonical)
  })

  it('keeps a text with trailing zeros that upstream takes for canonical', () => {
    expect(canonicalQuantity('1.500')).toBe('1.500')
  })

  it('is the same number when parsed again, whatever was written', () => {
    const random = sequence(7)
    const suffixes = ['', 'm', 'u', 'n', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'E-2', 'e9']
    for (let i = 0; i < 2000; i++) {
      const whole = Math.floor(random() * 10 ** Math.floor(random() * 10))
      const fraction = random() < 0.3 ? `.${Math.floor(random() * 1000)}` : ''
      const text = `${random() < 0.1 ? '-' : ''}${whole}${fraction}${suffixes[Math.floor(random() * suffixes.length)]}`
      const quantity = parseQuantity(text)
      const again = parseQuantity(formatQuantity(quantity))
      expect([text, compareQuantities(quantity, again)]).toEqual([text, 0])
      expect([text, canonicalQuantity(formatQuantity(quantity))]).toEqual([text, formatQuantity(quantity)])
    }
  })
})

describe('what is refused', () => {
  const shape = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
  it.each(['', 'abc', ' 1', '1 ', '1.5Gx', '1.2.3', 'a/b/c', '1Gib'])('says that %j is not of the form', (text) => {
    expect(() => parseQuantity(text)).toThrow(shape)
  })
  it.each(['1Mx', '1K', '1mm', '1ki', '1KiKi', '1e', '1Ki5'])('names the suffix of %j, or the form', (text) => {
    expect(() => parseQuantity(text)).toThrow(text === '1Mx' ? shape : "unable to parse quantity's suffix")
  })
  it('does not compute with exponents that would need gigabytes', () => {
    expect(() => parseQuantity('1e999999999')).toThrow("unable to parse quantity's suffix")
    expect(canonicalQuantity('1e-999')).toBe('1e-9')
  })
})

describe('arithmetic', () => {
  it('compares across suffixes', () => {
    expect(compareQuantities(parseQuantity('1Gi'), parseQuantity('1G'))).toBe(1)
    expect(compareQuantities(parseQuantity('1000m'), parseQuantity('1'))).toBe(0)
    expect(compareQuantities(parseQuantity('-1'), parseQuantity('1n'))).toBe(-1)
  })

  it('adds in the format of the first that is not zero', () => {
    const sum = (...texts: string[]) => formatQuantity(texts.map(parseQuantity).reduce(addQuantities))
    expect(sum('100m', '200m')).toBe('300m')
    expect(sum('0', '1Gi')).toBe('1Gi')
    expect(sum('1Gi', '1M')).toBe('1074741824')
    expect(sum('512Mi', '512Mi')).toBe('1Gi')
    expect(sum('9223372036854775807', '1')).toBe('9223372036854775808')
  })

  it('subtracts what it added', () => {
    const random = sequence(11)
    for (let i = 0; i < 500; i++) {
      const a = quantityOf(Math.floor(random() * 2 ** 50), 'DecimalSI', -3)
      const b = quantityOf(Math.floor(random() * 2 ** 50), 'BinarySI')
      expect(compareQuantities(subtractQuantities(addQuantities(a, b), b), a)).toBe(0)
    }
  })

  it('rounds up to whole units and thousandths', () => {
    expect(valueOf(parseQuantity('1m'))).toBe(1)
    expect(valueOf(parseQuantity('-1500m'))).toBe(-2)
    expect(valueOf(parseQuantity('1Gi'))).toBe(2 ** 30)
    expect(milliValueOf(parseQuantity('0.5'))).toBe(500)
    expect(milliValueOf(parseQuantity('1u'))).toBe(1)
  })
})
