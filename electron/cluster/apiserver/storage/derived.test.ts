import { expect, it } from 'vitest'
import { RecentObjects, type InVersion } from './derived.ts'

const counting = () => {
  const recent = new RecentObjects(1000)
  const made: string[] = []
  return {
    made,
    read: (holder: InVersion, name: string, size = 400) =>
      recent.of(holder, size, () => {
        made.push(name)
        return { metadata: { name } }
      }),
  }
}

it('decodes what is read again and again once, and lets go of the oldest of a crowd', () => {
  const { read, made } = counting()
  const [a, b, c]: InVersion[] = [{}, {}, {}]
  expect(read(a!, 'a')).toBe(read(a!, 'a'))
  read(b!, 'b')
  expect(a!.object).toBeDefined()
  read(c!, 'c')
  expect(a!.object).toBeUndefined()
  expect(b!.object).toBeDefined()
  expect(made).toEqual(['a', 'b', 'c'])
})

it('keeps the object in hand, however large, and counts one that was let go by others once', () => {
  const { read, made } = counting()
  const [large, small]: InVersion[] = [{}, {}]
  read(large!, 'large', 5000)
  expect(large!.object).toBeDefined()
  read(small!, 'small')
  expect(large!.object).toBeUndefined()
  small!.object = undefined
  read(small!, 'small')
  read({}, 'another')
  expect(small!.object).toBeDefined()
  expect(made).toEqual(['large', 'small', 'small', 'another'])
})
