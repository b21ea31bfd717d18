import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { checkSameKeys } from './same-keys.ts'
import { openMemoryStore } from './store/memory.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'same-keys-'))))
afterEach(() => rmSync(folder, { recursive: true }))

const data = { file: (...names: string[]) => path.join(folder, ...names) }
const key = '/registry/configmaps/kube-system/extension-apiserver-authentication'
const published = { metadata: {}, data: { 'client-ca-file': 'the authority' } }

function keepAuthority(text: string): void {
  mkdirSync(data.file('pki'))
  writeFileSync(data.file('pki', 'ca.crt'), text)
}

it('lets a server start on an empty store, and on one that was filled under its own keys', async () => {
  const store = openMemoryStore()
  expect(() => checkSameKeys(store, data)).not.toThrow()
  await store.write([{ key, value: () => Buffer.from(JSON.stringify(published)) }])
  keepAuthority('the authority')
  expect(() => checkSameKeys(store, data)).not.toThrow()
})

it.each(['another', undefined])('refuses a server whose authority is %s, and names the cure', async (authority) => {
  const store = openMemoryStore()
  await store.write([{ key, value: () => Buffer.from(JSON.stringify(published)) }])
  if (authority) keepAuthority(authority)
  expect(() => checkSameKeys(store, data)).toThrow(
    expect.objectContaining({ message: expect.stringContaining('other keys'), cure: expect.stringContaining('Copy') }),
  )
})
