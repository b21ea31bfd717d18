import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Leases } from './leases.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'leases-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('are the same for the next agent', () => {
  const file = path.join(folder, 'leases.json')
  const leases = new Leases(file)
  leases.set('a', '10.0.0.2')
  leases.set('b', '10.0.0.3')
  leases.delete('a')
  expect(new Leases(file).entries()).toEqual([['b', '10.0.0.3']])
})

it('are given only where they can be written down, and taken back always', () => {
  const place = path.join(folder, 'place')
  const leases = new Leases(path.join(place, 'leases.json'))
  leases.set('a', '10.0.0.2')
  rmSync(place, { recursive: true })
  writeFileSync(place, 'in the way')
  expect(() => leases.set('b', '10.0.0.3')).toThrow()
  expect([leases.get('b'), leases.sandboxAt('10.0.0.3')]).toEqual([undefined, undefined])
  leases.delete('a')
  expect(leases.entries()).toEqual([])
})
