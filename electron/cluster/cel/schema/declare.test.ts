import { describe, expect, it } from 'vitest'
import { Environment } from '../environment.ts'
import { formatType } from '../types/types.ts'
import { toJson, typeNameOf } from '../values/json.ts'
import { declare, type CelSchema } from './declare.ts'
import { escapeProperty } from './escape.ts'
import { estimateCost } from './estimate.ts'

const schema = {
  type: 'object',
  properties: {
    whole: { type: 'integer' },
    unbounded: { type: 'string' },
    real: { type: 'number' },
    either: { 'x-kubernetes-int-or-string': true },
    day: { type: 'string', format: 'date' },
    at: { type: 'string', format: 'date-time' },
    wait: { type: 'string', format: 'duration' },
    data: { type: 'string', format: 'byte' },
    'x-y': { type: 'boolean' },
    namespace: { type: 'string', nullable: true },
    tags: { type: 'array', items: { type: 'string', maxLength: 10 }, maxItems: 5, 'x-kubernetes-list-type': 'set' },
    ports: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', properties: { name: { type: 'string' }, port: { type: 'integer' } } },
    },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
    open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    unseen: { 'x-kubernetes-preserve-unknown-fields': true },
  },
} satisfies CelSchema

const self = declare(schema, { name: 'Widget' })!
const environment = new Environment({ variables: { self: self.type, oldSelf: self.type } })
const evaluate = (source: string, object: unknown, old: unknown = {}): unknown =>
  toJson(environment.compile(source).evaluate({ self: self.convert(object), oldSelf: self.convert(old) }))

describe('values by schema', () => {
  it('are int for integer and double for number, however JSON wrote them', () => {
    expect(evaluate('type(self.whole) == int && type(self.real) == double', { whole: 1, real: 1 })).toBe(true)
    expect(evaluate('self.real / 2.0', { real: 3 })).toBe(1.5)
    expect(evaluate('type(self.either) == int', { either: 1 })).toBe(true)
    expect(evaluate('type(self.either) == string', { either: '1' })).toBe(true)
  })

  it('are times, durations and bytes by format', () => {
    const object = { day: '2024-05-06', at: '2024-05-06T07:08:09Z', wait: '1h', data: 'aGk=' }
    expect(evaluate('self.at - self.day > self.wait && string(self.data) == "hi"', object)).toBe(true)
  })

  it('show escaped properties, nulls and presence', () => {
    expect(evaluate('self.x__dash__y && dyn(self.__namespace__) == null', { 'x-y': true, namespace: null })).toBe(true)
    expect(evaluate('has(self.whole) || has(self.labels.x)', { labels: {} })).toBe(false)
    expect(() => evaluate('self.whole', {})).toThrow('no such key: whole')
    expect(() => environment.compile('self.unseen')).toThrow("undefined field 'unseen'")
  })

  it('compare set and map lists without order, and merge them with +', () => {
    expect(evaluate('self.tags == oldSelf.tags', { tags: ['a', 'b'] }, { tags: ['b', 'a'] })).toBe(true)
    expect(evaluate('self.tags + oldSelf.tags', { tags: ['a', 'b'] }, { tags: ['b', 'c'] })).toEqual(['a', 'b', 'c'])
    const [a, b, c] = [
      { name: 'a', port: 1 },
      { name: 'b', port: 2 },
      { name: 'a', port: 3 },
    ]
    expect(evaluate('self.ports == oldSelf.ports', { ports: [a, b] }, { ports: [b, a] })).toBe(true)
    expect(evaluate('self.ports + oldSelf.ports', { ports: [a, b] }, { ports: [c] })).toEqual([c, b])
  })

  it('of whole objects have their type and name only', () => {
    const root = declare(schema, { resource: true })!
    const typed = new Environment({ variables: { self: root.type } })
    const object = root.convert({ kind: 'Widget', metadata: { name: 'w', labels: {} } })
    expect(typed.compile('self.kind + self.metadata.name').evaluate({ self: object })).toBe('Widgetw')
    expect(() => typed.compile('self.metadata.labels')).toThrow("undefined field 'labels'")
  })
})

describe('a property of conversion', () => {
  let state = 7
  const random = () => (state = (state * 1103515245 + 12345) & 0x7fffffff) / 0x80000000
  const scalars: readonly [CelSchema, () => unknown, string][] = [
    [{ type: 'integer' }, () => Math.floor(random() * 2e9) - 1e9, 'int'],
    [{ type: 'number' }, () => (random() < 0.5 ? Math.floor(random() * 100) : random() * 100), 'double'],
    [{ type: 'string' }, () => 'é'.repeat(Math.floor(random() * 4)), 'string'],
    [{ type: 'boolean' }, () => random() < 0.5, 'bool'],
    [{ 'x-kubernetes-int-or-string': true }, () => Math.floor(random() * 9), 'dyn'],
  ]

  const generate = (depth: number): { schema: CelSchema; value: unknown; type: string } => {
    const kind = depth === 0 ? 0 : Math.floor(random() * 4)
    if (kind === 0) {
      const [scalar, make, type] = scalars[Math.floor(random() * scalars.length)]!
      return { schema: scalar, value: make(), type }
    }
    const inner = generate(depth - 1)
    if (kind === 1)
      return { schema: { type: 'array', items: inner.schema }, value: [inner.value], type: `list(${inner.type})` }
    if (kind === 2)
      return {
        schema: { type: 'object', additionalProperties: inner.schema },
        value: { 'any key': inner.value },
        type: `map(string, ${inner.type})`,
      }
    return { schema: { type: 'object', properties: { in: inner.schema } }, value: { in: inner.value }, type: 'object' }
  }

  it('keeps every value and gives it the type that its schema declares', () => {
    for (let i = 0; i < 500; i++) {
      const { schema: made, value, type } = generate(3)
      const declared = declare(made)!
      const converted = declared.convert(value)
      expect(toJson(converted)).toEqual(value)
      if (type !== 'object' && !type.includes('object')) expect(formatType(declared.type)).toBe(type)
      if (['int', 'double', 'string', 'bool'].includes(type)) expect(typeNameOf(converted)).toBe(type)
      const at = new Environment({ variables: { a: declared.type, b: declared.type } })
      expect(at.compile('a == b').evaluate({ a: converted, b: declared.convert(structuredClone(value)) })).toBe(true)
    }
  })
})

describe('property names', () => {
  it.each([
    ['namespace', '__namespace__'],
    ['a-b.c/d', 'a__dash__b__dot__c__slash__d'],
    ['a__b', 'a__underscores__b'],
    ['-a', '__dash__a'],
    ['9a', undefined],
  ])('%s is spelled %s', (name, escaped) => expect(escapeProperty(name)).toBe(escaped))
})

describe('estimates of cost', () => {
  const estimate = (source: string) => estimateCost(environment.compile(source).checked, { self, oldSelf: self })

  it('follow the bounds of the schema', () => {
    expect(estimate('self.whole > 1')).toEqual({ min: 3, max: 3 })
    expect(estimate('self.tags.all(t, t.startsWith("x"))').max).toBeLessThan(100)
    expect(estimate('self.ports.all(p, self.ports.all(q, p.port != q.port))').max).toBeGreaterThan(10_000_000)
  })

  it('take truth values and numbers for small, whatever they are made from', () => {
    expect(estimate('has(self.unbounded) == has(self.wait)').max).toBeLessThan(10)
    expect(estimate('self.unbounded.size() == self.whole').max).toBeLessThan(10)
  })

  it('are never below what evaluating costs', () => {
    const object = { tags: ['abc', 'abd'], ports: [{ name: 'a', port: 1 }], labels: { a: 'b' }, whole: 3 }
    for (const source of [
      'self.tags.exists(t, t.contains("b")) && self.tags.map(t, t + "x").size() > 0',
      'self.ports.filter(p, p.port > 0).all(p, p.name.matches("a+"))',
      'self.labels.all(k, self.labels[k].size() < 5) ? self.whole > 1 : false',
      'self.tags.isSorted() && self.tags.join(",").split(",").size() == 2',
    ]) {
      let spent = 0
      environment.compile(source).evaluate({ self: self.convert(object) }, { spend: (cost) => (spent = cost) })
      expect([source, spent <= estimate(source).max]).toEqual([source, true])
    }
  })
})
