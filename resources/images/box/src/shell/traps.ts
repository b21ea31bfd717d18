import { constants } from 'node:os'

export const signalNumbers: Readonly<Record<string, number>> = constants.signals

/** `TERM`, `SIGTERM` or `15` to `TERM`; `EXIT` and `0` to `EXIT`. */
export function signalName(text: string): string | undefined {
  if (text === '0' || text.toUpperCase() === 'EXIT') return 'EXIT'
  if (/^\d+$/.test(text))
    return Object.keys(signalNumbers)
      .find((name) => signalNumbers[name] === Number(text))
      ?.slice(3)
  const name = text.toUpperCase().replace(/^SIG/, '')
  return `SIG${name}` in signalNumbers ? name : undefined
}

/** What the shell does on signals. A trap's commands run between commands, never inside one. */
export class Traps {
  readonly #actions = new Map<string, string>()
  readonly #handlers = new Map<string, () => void>()
  readonly #defaults = new Map<string, () => void>()
  #pending: string[] = []
  #wake: (() => void)[] = []

  entries = (): [string, string][] => [...this.#actions]
  get = (name: string): string | undefined => this.#actions.get(name)

  /** What an untrapped signal does, where the shell must not die of it, or dies only if it does so itself. */
  setDefault(name: string, action: () => void): void {
    this.#defaults.set(name, action)
    if (!this.#actions.has(name)) this.#install(name, action)
  }

  /** Empty action: ignored. Undefined: the default again. */
  set(name: string, action: string | undefined): void {
    if (action === undefined) this.#actions.delete(name)
    else this.#actions.set(name, action)
    if (name === 'EXIT' || name === 'KILL' || name === 'STOP') return
    if (action === undefined) this.#install(name, this.#defaults.get(name))
    else if (action === '') this.#install(name, () => {})
    else {
      this.#install(name, () => {
        this.#pending.push(name)
        this.wake()
      })
    }
  }

  ignored = (): string[] => this.entries().flatMap(([name, action]) => (action === '' ? [name] : []))

  takePending(): string[] {
    return this.#pending.splice(0)
  }

  wake(): void {
    this.#wake.splice(0).forEach((wake) => wake())
  }

  /** Resolves when a trapped signal arrives, or Ctrl-C: `wait` ends then. */
  interrupted(): Promise<void> {
    return new Promise((resolve) => (this.#pending.length ? resolve() : this.#wake.push(resolve)))
  }

  /** Children are handed the default dispositions by Node, but nothing runs handlers in a process that is replaced. */
  #install(name: string, handler: (() => void) | undefined): void {
    const signal = `SIG${name}` as NodeJS.Signals
    const old = this.#handlers.get(name)
    if (old) process.off(signal, old)
    this.#handlers.delete(name)
    if (!handler) return
    this.#handlers.set(name, handler)
    process.on(signal, handler)
  }
}
