import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'

/** Which sandbox has which address, kept in a file for the next agent. */
export class Leases {
  readonly #file: string
  readonly #leases: Map<string, string>
  readonly #sandboxes: Map<string, string>

  constructor(file: string) {
    this.#file = file
    this.#leases = read(file)
    this.#sandboxes = new Map([...this.#leases].map(([sandboxId, address]) => [address, sandboxId]))
  }

  entries = (): [sandboxId: string, address: string][] => [...this.#leases]
  get = (sandboxId: string): string | undefined => this.#leases.get(sandboxId)
  sandboxAt = (address: string): string | undefined => this.#sandboxes.get(address)

  /** Throws, and has changed nothing, where it cannot be written down. */
  set(sandboxId: string, address: string): void {
    this.#leases.set(sandboxId, address)
    try {
      this.#save()
    } catch (error) {
      this.#leases.delete(sandboxId)
      throw error
    }
    this.#sandboxes.set(address, sandboxId)
  }

  delete(sandboxId: string): void {
    const address = this.#leases.get(sandboxId)
    if (address === undefined) return
    this.#leases.delete(sandboxId)
    this.#sandboxes.delete(address)
    try {
      this.#save()
    } catch {
      // On a full disk the next agent finds an address that nobody has, and takes it back.
    }
  }

  /** Not synced: after a crash of the machine no namespace exists either. */
  #save(): void {
    mkdirSync(path.dirname(this.#file), { recursive: true })
    writeFileSync(`${this.#file}.new`, JSON.stringify(Object.fromEntries(this.#leases)))
    renameSync(`${this.#file}.new`, this.#file)
  }
}

function read(file: string): Map<string, string> {
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>))
  } catch {
    return new Map()
  }
}
