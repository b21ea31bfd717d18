import type { ConfigMap } from 'kubernetes-types/core/v1'
import { rawClient } from '../support/raw.ts'

export const hammerLabel = 'hammer=yes'
const collection = '/api/v1/namespaces/default/configmaps'

/** A value, or undefined: not there. */
type Content = string | undefined

/** What is known of one object: the last state that was acknowledged, and the one that had been asked for when all ended. */
interface Known {
  acknowledged: Content
  asked?: { content: Content }
}

export interface HammerOptions {
  writers: number
  /** The object that a writer makes, changes and perhaps deletes in its nth turn. */
  name(writer: number, turn: number): string
  /** Told of every acknowledged write, and under which revision it was stored; undefined for deletions. */
  onAcknowledged(revision: number | undefined): void
}

/** What writers know of config maps over several lives of a server. */
export class Ledger {
  readonly #known = new Map<string, Known>()
  #writes = 0

  /** Creates, changes and deletes config maps until the server is gone. Rejects when it refuses a write. */
  async hammer(kubeconfig: string, { writers, name: nameOf, onAcknowledged }: HammerOptions): Promise<void> {
    using client = rawClient(kubeconfig, writers)
    const write = async (name: string, content: Content): Promise<void> => {
      const state: Known = this.#known.get(name) ?? { acknowledged: undefined }
      this.#known.set(name, state)
      const method = content === undefined ? 'DELETE' : state.acknowledged === undefined ? 'POST' : 'PUT'
      state.asked = { content }
      const metadata = { name, labels: { hammer: 'yes' } }
      const body =
        content === undefined ? undefined : { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { content } }
      const path = method === 'POST' ? collection : `${collection}/${name}`
      const { status, body: answer } = await client.request(method, path, body)
      if (status >= 300) throw new Error(`${method} ${name} was refused with ${status}: ${answer}`)
      state.acknowledged = content
      delete state.asked
      onAcknowledged(content === undefined ? undefined : revisionOf(JSON.parse(answer) as ConfigMap))
    }
    const writer = async (id: number): Promise<void> => {
      for (let turn = 0; ; turn++) {
        const name = nameOf(id, turn)
        await write(name, `${++this.#writes}`)
        await write(name, `${++this.#writes}`)
        if (turn % 2) await write(name, undefined)
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: writers }, (_, id) => writer(id)))
    for (const end of ends) if (end.status === 'rejected' && /refused with/.test(String(end.reason))) throw end.reason
  }

  /** What a server that was started again has lost of it, and has besides; from then on what is there is what is known. */
  compare(items: readonly ConfigMap[]): { lost: unknown[]; unknown: string[] } {
    const found = new Map(items.map(({ metadata, data }) => [metadata!.name!, data?.['content']]))
    const lost = [...this.#known].filter(
      ([name, { acknowledged, asked }]) =>
        found.get(name) !== acknowledged && !(asked && found.get(name) === asked.content),
    )
    const unknown = [...found.keys()].filter((name) => !this.#known.has(name))
    // A write that was asked for may have come through, or not.
    for (const name of this.#known.keys()) this.#known.set(name, { acknowledged: found.get(name) })
    return { lost, unknown }
  }
}

const revisionOf = ({ metadata }: ConfigMap): number => Number(metadata?.resourceVersion)
