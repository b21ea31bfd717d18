import { expect, it } from 'vitest'
import { difference, type ChainContent, type SetContent, type TableContent } from './content.ts'

const content = (sets: Record<string, SetContent>, chains: Record<string, ChainContent>): TableContent => ({
  sets: new Map(Object.entries(sets)),
  chains: new Map(Object.entries(chains)),
})
const map = (elements: Record<string, string>): SetContent => ({
  kind: 'map',
  declaration: 'type ipv4_addr : verdict;',
  elements: new Map(Object.entries(elements)),
})

it('changes what differs, and makes what is referred to before what refers to it', () => {
  const before = content(
    { pods: map({ '10.0.0.1': 'jump a', '10.0.0.2': 'jump b' }) },
    { a: { rules: ['x'] }, b: { rules: ['y'] } },
  )
  const after = content(
    { pods: map({ '10.0.0.1': 'jump a', '10.0.0.3': 'jump c' }) },
    { a: { rules: ['x'] }, c: { rules: ['z'] } },
  )
  expect(difference('t', before, after)).toEqual([
    'flush chain ip t b',
    'delete element ip t pods { 10.0.0.2 : jump b }',
    'delete chain ip t b',
    'add chain ip t c',
    'add element ip t pods { 10.0.0.3 : jump c }',
    'add rule ip t c z',
  ])
})

it('rewrites a chain whose rules have changed, and leaves what packets fill alone', () => {
  const clients: SetContent = { kind: 'set', declaration: 'type ipv4_addr; flags dynamic;' }
  const before = content({ clients }, { a: { rules: ['x', 'y'] } })
  expect(difference('t', before, content({ clients }, { a: { rules: ['x', 'z'] } }))).toEqual([
    'flush chain ip t a',
    'add rule ip t a x',
    'add rule ip t a z',
  ])
  expect(difference('t', before, content({ clients }, { a: { rules: ['x', 'y'] } }))).toEqual([])
})

it('makes a set anew that is declared in another way', () => {
  const declared = (type: string): SetContent => ({
    kind: 'set',
    declaration: `type ${type};`,
    elements: new Map([['1', '']]),
  })
  expect(difference('t', content({ s: declared('mark') }, {}), content({ s: declared('ifindex') }, {}))).toEqual([
    'flush set ip t s',
    'delete set ip t s',
    'add set ip t s { type ifindex; }',
    'add element ip t s { 1 }',
  ])
})
