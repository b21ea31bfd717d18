import type { KubeObject } from '#shared/kube/object.ts'
import type { AdmissionRequest } from '../../registry/kind.ts'

interface Memory {
  /** Those that ran and may run again, once something after them changes the object. */
  ran: Set<string>
  again: Set<string>
  /** The object as this plug-in left it. */
  left: string | undefined
}

/**
 * Which hooks of one plug-in run in the second round: those with reinvocationPolicy IfNeeded that ran before the object
 * changed once more. Source: mutating/reinvocationcontext.go, the same for policies and webhooks.
 */
export class Rounds {
  readonly #request: AdmissionRequest
  readonly #memory: Memory

  constructor(request: AdmissionRequest, plugin: string) {
    this.#request = request
    const memory = request.reinvocation?.memory
    const known = memory?.get(plugin) as Memory | undefined
    this.#memory = known ?? { ran: new Set(), again: new Set(), left: undefined }
    memory?.set(plugin, this.#memory)
    if (request.reinvocation?.again && known && known.left !== snapshot(request.object)) this.#require()
  }

  get second(): boolean {
    return this.#request.reinvocation?.again ?? false
  }

  mayRun(key: string): boolean {
    return !this.second || this.#memory.again.has(key)
  }

  /** A hook changed the object: those before it may want to see that. */
  changed(): void {
    this.#require()
    if (this.#request.reinvocation) this.#request.reinvocation.needed = true
  }

  /** The hook ran, and asks to be run again if needed. */
  ran(key: string): void {
    this.#memory.ran.add(key)
  }

  end(): void {
    this.#memory.left = snapshot(this.#request.object)
  }

  #require(): void {
    for (const key of this.#memory.ran) this.#memory.again.add(key)
    this.#memory.ran.clear()
  }
}

const snapshot = (object: KubeObject | undefined): string | undefined => object && JSON.stringify(object)
