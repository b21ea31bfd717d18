import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Login } from './credentials.ts'
import { PullRecords } from './pull-records.ts'

const login = (name: string, password = 'secret'): Login => ({
  username: 'me',
  password,
  secret: { uid: `uid-${name}`, namespace: 'shop', name },
})

let directory: string
let records: PullRecords
const open = () => new PullRecords(path.join(directory, 'pulls.json'))
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'wheelhouse-records-'))
  records = open()
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const image = 'registry.example.com/app:1'

it('gives what it has not pulled, and what needed no login, to everybody', () => {
  expect(records.mustPull(image, 'preloaded', [])).toBe(false)
  records.pulled(image, 'open', undefined)
  expect(records.mustPull(image, 'open', [])).toBe(false)
})

it('gives a private image to who shows the same secret or the same login, after a restart too', () => {
  records.pulled(image, 'private', login('one'))
  for (const known of [records, open()]) {
    expect(known.mustPull(image, 'private', [])).toBe(true)
    expect(known.mustPull(image, 'private', [login('two', 'other')])).toBe(true)
    expect(known.mustPull(image, 'private', [login('two', 'other'), login('one', 'changed')])).toBe(false)
    expect(known.mustPull(image, 'private', [login('two')])).toBe(false)
    expect(known.mustPull('registry.example.com/app:2', 'private', [login('one')])).toBe(false)
  }
})

it('does not give under another name what was opened under one', () => {
  records.pulled(image, 'private', login('one'))
  expect(records.mustPull('other.example.com/app:1', 'private', [login('one')])).toBe(true)
})

it('does not take for preloaded what is being pulled, or was when the agent ended', () => {
  records.starting(image)
  expect([records, open()].map((known) => known.mustPull(image, 'new', []))).toEqual([true, true])
  records.starting(image)
  records.failed(image)
  expect(records.mustPull(image, 'new', [])).toBe(true)
  records.failed(image)
  expect(records.mustPull(image, 'new', [])).toBe(false)
})

it('forgets images that are gone, and starts anew where its file is not whole', () => {
  records.pulled(image, 'private', login('one'))
  records.retain(new Set(['another']))
  expect(open().mustPull(image, 'private', [])).toBe(false)
  writeFileSync(path.join(directory, 'pulls.json'), '{"pull')
  expect(open().mustPull(image, 'private', [])).toBe(false)
})
