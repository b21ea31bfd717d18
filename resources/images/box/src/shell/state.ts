import type { Command } from './syntax.ts'

export interface Variable {
  value: string | undefined
  exported: boolean
  readonly: boolean
}

/** What a subshell starts from: plain data, handed over as JSON. */
export interface Inheritance {
  variables: [string, Variable][]
  functions: [string, Command][]
  positional: string[]
  name: string
  options: string[]
  status: number
  /** `$$` stays the first shell's. */
  shellPid: number
  lastBackground: number
  /** Signals that are ignored stay so. */
  ignored: string[]
}

/** Variables, functions, parameters and options of one shell. */
export class State {
  readonly variables = new Map<string, Variable>()
  readonly functions = new Map<string, Command>()
  positional: string[] = []
  name = 'sh'
  readonly options = new Set<string>()
  status = 0
  shellPid = process.pid
  lastBackground = 0
  /** What `local` hid, one map per function call. */
  readonly #hidden: Map<string, Variable | undefined>[] = []

  get(name: string): string | undefined {
    switch (name) {
      case '?':
        return String(this.status)
      case '$':
        return String(this.shellPid)
      case '!':
        return this.lastBackground ? String(this.lastBackground) : undefined
      case '#':
        return String(this.positional.length)
      case '-':
        return [...this.options].filter((option) => option.length === 1).join('')
      case '0':
        return this.name
      case 'RANDOM':
        return String(Math.floor(Math.random() * 32768))
    }
    if (/^\d+$/.test(name)) return this.positional[Number(name) - 1]
    return this.variables.get(name)?.value
  }

  set(name: string, value: string): void {
    const variable = this.variables.get(name)
    if (variable?.readonly) throw new Error(`${name}: is read only`)
    if (variable) variable.value = value
    else this.variables.set(name, { value, exported: this.options.has('a'), readonly: false })
  }

  mark(name: string, change: Partial<Variable>): void {
    const variable = this.variables.get(name) ?? { value: undefined, exported: false, readonly: false }
    this.variables.set(name, Object.assign(variable, change))
  }

  unset(name: string): void {
    if (this.variables.get(name)?.readonly) throw new Error(`${name}: is read only`)
    this.variables.delete(name)
  }

  has(option: string): boolean {
    return this.options.has(option)
  }

  enterFunction(): void {
    this.#hidden.push(new Map())
  }

  leaveFunction(): void {
    for (const [name, variable] of this.#hidden.pop() ?? []) {
      if (variable) this.variables.set(name, variable)
      else this.variables.delete(name)
    }
  }

  get inFunction(): boolean {
    return this.#hidden.length > 0
  }

  makeLocal(name: string): void {
    const hidden = this.#hidden.at(-1)
    if (!hidden || hidden.has(name)) return
    const variable = this.variables.get(name)
    hidden.set(name, variable)
    this.variables.set(name, { value: variable?.value, exported: variable?.exported ?? false, readonly: false })
  }

  /** The environment of a child. */
  environment(assigned: readonly (readonly [string, string])[] = []): Record<string, string> {
    const environment: Record<string, string> = {}
    for (const [name, { value, exported }] of this.variables)
      if (exported && value !== undefined) environment[name] = value
    for (const [name, value] of assigned) environment[name] = value
    return environment
  }

  readEnvironment(environment: NodeJS.ProcessEnv): void {
    for (const [name, value = ''] of Object.entries(environment))
      this.variables.set(name, { value, exported: true, readonly: false })
  }

  bequeath(ignored: string[]): Inheritance {
    return {
      variables: [...this.variables],
      functions: [...this.functions],
      positional: this.positional,
      name: this.name,
      options: [...this.options],
      status: this.status,
      shellPid: this.shellPid,
      lastBackground: this.lastBackground,
      ignored,
    }
  }

  inherit(from: Inheritance): void {
    for (const [name, variable] of from.variables) this.variables.set(name, variable)
    for (const [name, body] of from.functions) this.functions.set(name, body)
    for (const option of from.options) this.options.add(option)
    const { positional, name, status, shellPid, lastBackground } = from
    Object.assign(this, { positional, name, status, shellPid, lastBackground })
  }
}
