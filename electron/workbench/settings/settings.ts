import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { Settings } from '#shared/ipc/hosts.ts'
import { Failure } from '../failure.ts'

const stored = z.object({
  theme: z.enum(['system', 'light', 'dark']).catch('system'),
  welcomed: z.boolean().catch(false),
  lastContext: z.string().optional().catch(undefined),
  namespaces: z.record(z.string(), z.array(z.string())).catch({}),
  protected: z.array(z.string()).catch([]),
})

/** The user's settings in one JSON file, replaced as a whole. A damaged file is set aside, never silently lost. */
export class SettingsFile {
  #file: string
  #settings: Settings

  constructor(file: string) {
    this.#file = file
    this.#settings = this.#read()
  }

  get(): Settings {
    return this.#settings
  }

  set(change: { [K in keyof Settings]?: Settings[K] | undefined }): Settings {
    const given = Object.fromEntries(
      Object.entries(change).filter(([, value]) => value !== undefined),
    ) as Partial<Settings>
    const settings = { ...this.#settings, ...given }
    try {
      mkdirSync(path.dirname(this.#file), { recursive: true })
      const next = `${this.#file}.new`
      writeFileSync(next, JSON.stringify(settings, null, 2), { mode: 0o600 })
      renameSync(next, this.#file)
    } catch (error) {
      throw new Failure(
        'NotWritten',
        `The settings cannot be kept: ${(error as Error).message}.`,
        `Give yourself the right to write ${this.#file}.`,
      )
    }
    this.#settings = settings
    return settings
  }

  #read(): Settings {
    let text: string
    try {
      text = readFileSync(this.#file, 'utf8')
    } catch {
      return clean(stored.parse({}))
    }
    try {
      return clean(stored.parse(JSON.parse(text)))
    } catch {
      try {
        renameSync(this.#file, `${this.#file}.damaged`)
      } catch {
        // The folder cannot be written: nothing will be, and the file stays as it is.
      }
      return clean(stored.parse({}))
    }
  }
}

const clean = ({ lastContext, ...settings }: z.output<typeof stored>): Settings => ({
  ...settings,
  ...(lastContext === undefined ? {} : { lastContext }),
})
