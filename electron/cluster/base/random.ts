import { randomBytes, randomFillSync, randomUUID } from 'node:crypto'

/** Randomness as the cluster sees it; seeded in tests. */
export interface Random {
  /** A number in [0, 1). */
  next(): number
  /** A version 4 UUID. */
  uuid(): string
}

const pool = new Uint32Array(256)
let used = pool.length

export const systemRandom: Random = {
  next() {
    if (used === pool.length) {
      randomFillSync(pool)
      used = 0
    }
    return pool[used++]! / 0x1_0000_0000
  },
  uuid: () => randomUUID(),
}

/** The same sequence for the same seed (mulberry32). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
  const hex = (n: number) => Array.from({ length: n }, () => Math.floor(next() * 16).toString(16)).join('')
  return { next, uuid: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}` }
}

const suffixAlphabet = 'bcdfghjklmnpqrstvwxz2456789'

/** The safe alphabet and length of apimachinery's rand.String, used by generateName. */
export function nameSuffix(random: Random, length = 5): string {
  let suffix = ''
  for (let i = 0; i < length; i++) suffix += suffixAlphabet[Math.floor(random.next() * suffixAlphabet.length)]
  return suffix
}

/** Bytes for keys and tokens: always from the operating system, never from a seeded source. */
export const secretBytes = (length: number): Buffer => randomBytes(length)
