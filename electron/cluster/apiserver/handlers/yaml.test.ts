import { expect, it } from 'vitest'
import { readYamlBody, yamlToJson } from './yaml.ts'

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

it('names the keys that stand twice in a map, of which the last holds, with the line of what they have', () => {
  const { json, duplicates } = readYamlBody(
    Buffer.from('a: 1\nb: {c: 1, d: 2, c: 3}\n1: x\ne:\n  f: 1\ne:\n\n  f: 2\n1: y\nlist:\n- g: 1\n  g: ~\n'),
  )
  expect(JSON.parse(json)).toMatchObject({ b: { c: 3 }, e: { f: 2 }, list: [{ g: null }] })
  expect(duplicates).toEqual([
    'line 2: key "c" already set in map',
    'line 8: key "e" already set in map',
    'line 9: key 1 already set in map',
    'line 12: key "g" already set in map',
  ])
})
