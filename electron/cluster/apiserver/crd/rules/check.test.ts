import { describe, expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Rule, Schema } from '../../registry/apiextensions/types.ts'
import { ruleCheck } from './check.ts'

const schemaWith = (rules: Rule[], more: Schema = {}): Schema => ({
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        n: { type: 'integer' },
        items: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['k'],
          items: { type: 'object', properties: { k: { type: 'string' }, v: { type: 'integer' } }, ...more },
        },
      },
      'x-kubernetes-validations': rules,
    },
  },
})
const check = (schema: Schema, spec: object, old?: object) =>
  ruleCheck(schema)!({ spec } as KubeObject, old && ({ spec: old } as KubeObject)).map(
    ({ field, message }) => `${field}: ${message}`,
  )

describe('rules', () => {
  it('fail with their message, a made one, or themselves', () => {
    expect(check(schemaWith([{ rule: 'self.n > 1', message: 'too few' }]), { n: 1 })).toEqual([
      'spec: Invalid value: too few',
    ])
    expect(check(schemaWith([{ rule: 'self.n > 1', messageExpression: '"got " + string(self.n)' }]), { n: 1 })).toEqual(
      ['spec: Invalid value: got 1'],
    )
    expect(check(schemaWith([{ rule: 'self.n > 1' }]), { n: 1 })).toEqual([
      'spec: Invalid value: failed rule: self.n > 1',
    ])
  })

  it('blame the field and give the reason that they name', () => {
    const rule = { rule: 'self.n > 1', message: 'no', fieldPath: '.n', reason: 'FieldValueForbidden' }
    expect(check(schemaWith([rule]), { n: 1 })).toEqual(['spec.n: Forbidden: no'])
  })

  it('speak of the old state only where there is one', () => {
    const schema = schemaWith([{ rule: 'self.n >= oldSelf.n', message: 'never less' }])
    expect(check(schema, { n: 1 })).toEqual([])
    expect(check(schema, { n: 1 }, { n: 2 })).toEqual(['spec: Invalid value: never less'])
  })

  it('with optionalOldSelf are asked at creation too', () => {
    const schema = schemaWith([
      { rule: 'oldSelf.hasValue() || self.n == 0', message: 'starts at 0', optionalOldSelf: true },
    ])
    expect(check(schema, { n: 1 })).toEqual(['spec: Invalid value: starts at 0'])
    expect(check(schema, { n: 1 }, { n: 0 })).toEqual([])
  })

  it('find the old item of a keyed list by its keys', () => {
    const schema = schemaWith([], { 'x-kubernetes-validations': [{ rule: 'self.v == oldSelf.v', message: 'fixed' }] })
    const old = {
      items: [
        { k: 'a', v: 1 },
        { k: 'b', v: 2 },
      ],
    }
    expect(
      check(
        schema,
        {
          items: [
            { k: 'b', v: 3 },
            { k: 'a', v: 1 },
          ],
        },
        old,
      ),
    ).toEqual(['spec.items[0]: Invalid value: fixed'])
  })

  it('let be what did not change since', () => {
    const schema = schemaWith([{ rule: 'self.n > 1' }])
    expect(check(schema, { n: 1 }, { n: 1 })).toEqual([])
  })

  it('that cannot be evaluated say why', () => {
    expect(check(schemaWith([{ rule: 'self.n > 1' }]), {})).toEqual([
      'spec: Invalid value: no such key: n evaluating rule: self.n > 1',
    ])
  })

  it('stop where they cost too much', () => {
    const rule =
      'self.items.all(a, self.items.all(b, self.items.all(c, self.items.all(d, a.v + b.v + c.v + d.v >= 0))))'
    const items = Array.from({ length: 60 }, (_, v) => ({ k: String(v), v }))
    expect(check(schemaWith([{ rule }, { rule: 'false' }]), { items })[0]).toContain('cost limit')
  })

  it('are none where a schema has none', () => {
    expect(ruleCheck({ type: 'object' })).toBeUndefined()
  })
})
