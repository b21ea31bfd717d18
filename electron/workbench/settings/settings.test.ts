import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { SettingsFile } from './settings.ts'

let folder: string
beforeEach(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'settings-'))))
afterEach(() => rmSync(folder, { recursive: true }))
const file = () => path.join(folder, 'deep', 'settings.json')

it('keeps what was set over restarts, and what was not touched as it was', () => {
  const settings = new SettingsFile(file())
  settings.set({ theme: 'dark' })
  settings.set({ welcomed: true })
  expect(new SettingsFile(file()).get()).toEqual({ theme: 'dark', welcomed: true, namespaces: {}, protected: [] })
})

it('sets a damaged file aside and starts anew', () => {
  const damaged = path.join(folder, 'settings.json')
  writeFileSync(damaged, '{"theme": "da')
  expect(new SettingsFile(damaged).get().theme).toBe('system')
  expect(existsSync(`${damaged}.damaged`)).toBe(true)
})

it('replaces one value that makes no sense, not all of them', () => {
  const odd = path.join(folder, 'settings.json')
  writeFileSync(odd, '{"theme": "mauve", "welcomed": true}')
  expect(new SettingsFile(odd).get()).toMatchObject({ theme: 'system', welcomed: true })
})
