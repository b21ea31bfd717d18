import { expect, it } from 'vitest'
import { yamlToJson } from './yaml.ts'

const read = (text: string): unknown => JSON.parse(yamlToJson(Buffer.from(text)))

it('reads YAML as the real server does', () => {
  expect(read('a: yes\nb: "yes"\nc: 2001-01-01\nd: 0x10\ne: ~\nf: |\n  x\n')).toEqual({
    a: true,
    b: 'yes',
    c: '2001-01-01',
    d: 16,
    e: null,
    f: 'x\n',
  })
  expect(read('base: &b {x: 1}\nmore:\n  <<: *b\n  z: 2')).toEqual({ base: { x: 1 }, more: { x: 1, z: 2 } })
})

it('says in one line what is wrong with a document', () => {
  expect(() => read('a: [1')).toThrow(/^error converting YAML to JSON: yaml: .+$/)
})
