import { feed } from '../pod-network/commands.ts'
import { networkHash } from '../pod-network/names.ts'
import { difference, whole, type TableContent } from './content.ts'

/** For what of which cluster: tells our tables from everybody else's. */
export const tableName = (clusterId: string, purpose: 'services' | 'policies'): string =>
  `wheelhouse_${networkHash(clusterId)}_${purpose}`

/**
 * One table of nftables that is ours: it is told what it shall hold, and changes what differs in one transaction, so that
 * no packet ever meets half of a change.
 */
export class NftTable implements AsyncDisposable {
  readonly #name: string
  #content: TableContent | undefined
  #work: Promise<unknown> = Promise.resolve()
  #ended = false
  #isOurs = false

  constructor(name: string) {
    this.#name = name
  }

  /**
   * Resolves when the kernel has it. The first content replaces, in the same transaction, what an earlier life left; so
   * does one that comes after somebody else has changed the table. Rejects with what nft says.
   */
  apply(content: TableContent): Promise<void> {
    const work = this.#work.then(() => this.#apply(content))
    this.#work = work.catch(() => {})
    return work
  }

  /** What is told to it from now on it leaves alone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true
    await this.#work
    if (!this.#isOurs) return
    await nft([`delete table ip ${this.#name}`]).catch(() => {})
  }

  async #apply(content: TableContent): Promise<void> {
    const before = this.#content
    if (this.#ended || before === content) return
    this.#content = undefined
    this.#isOurs = true
    if (!before || !(await this.#change(before, content))) await nft(whole(this.#name, content))
    this.#content = content
  }

  /** False when the table is not what it was left as. */
  async #change(before: TableContent, content: TableContent): Promise<boolean> {
    const changes = difference(this.#name, before, content)
    try {
      if (changes.length) await nft(changes)
      return true
    } catch {
      return false
    }
  }
}

const nft = (lines: readonly string[]): Promise<void> => feed('nft', ['-f', '-'], lines)
