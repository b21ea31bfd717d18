/** A part of the kubelet's summary API (/stats/summary). Times are RFC 3339. */
export interface Summary {
  readonly node: Counted
  readonly pods: readonly { readonly podRef: { readonly uid: string }; readonly containers: readonly NamedCounted[] }[]
}
interface Counted {
  readonly startTime: string
  readonly cpu?: { readonly time: string; readonly usageCoreNanoSeconds: number }
  readonly memory?: { readonly workingSetBytes: number }
}
interface NamedCounted extends Counted {
  readonly name: string
}

/** Averages over a window of so many milliseconds that ends at `at`. */
export interface Measured {
  readonly at: number
  readonly window: number
  readonly nanoCores: number
  readonly memoryBytes: number
}

interface Count {
  readonly started: number
  readonly at: number
  readonly nanos: number
}

/** Makes rates of counters: of each the last two readings are known. */
export class Samples {
  #counts = new Map<string, Count>()
  #measured = new Map<string, Measured>()
  #containers = new Map<string, readonly string[]>()

  /** Everything that one kubelet tells; `nodes` are those that it speaks for. What is in none of the summaries is forgotten. */
  take(summaries: readonly { readonly nodes: readonly string[]; readonly summary: Summary }[]): void {
    const before = { counts: this.#counts, measured: this.#measured }
    this.#counts = new Map()
    this.#measured = new Map()
    this.#containers = new Map()
    for (const { nodes, summary } of summaries) {
      for (const node of nodes) this.#read(nodeKey(node), summary.node, before)
      for (const { podRef, containers } of summary.pods) {
        this.#containers.set(
          podRef.uid,
          containers.map(({ name }) => name),
        )
        for (const container of containers) this.#read(containerKey(podRef.uid, container.name), container, before)
      }
    }
  }

  node(name: string): Measured | undefined {
    return this.#measured.get(nodeKey(name))
  }

  /** By container; undefined while one of them has no figures. */
  pod(uid: string): ReadonlyMap<string, Measured> | undefined {
    const names = this.#containers.get(uid)
    if (!names?.length) return undefined
    const measured = names.map((name) => [name, this.#measured.get(containerKey(uid, name))] as const)
    return measured.every((one): one is [string, Measured] => one[1] !== undefined) ? new Map(measured) : undefined
  }

  #read(
    key: string,
    { startTime, cpu, memory }: Counted,
    before: { readonly counts: ReadonlyMap<string, Count>; readonly measured: ReadonlyMap<string, Measured> },
  ): void {
    if (!cpu || !memory) return
    const count: Count = { started: Date.parse(startTime), at: Date.parse(cpu.time), nanos: cpu.usageCoreNanoSeconds }
    this.#counts.set(key, count)
    const last = before.counts.get(key)
    const goesOn = last !== undefined && count.started <= last.at && count.nanos >= last.nanos
    // What started since was counted from nothing, as is what is seen for the first time.
    const since = goesOn ? last : { at: count.started, nanos: 0 }
    const window = count.at - since.at
    const nanos = count.nanos - since.nanos
    const known = before.measured.get(key)
    if (window > 0)
      this.#measured.set(key, {
        at: count.at,
        window,
        nanoCores: Math.round((nanos / window) * 1000),
        memoryBytes: memory.workingSetBytes,
      })
    else if (known && goesOn) this.#measured.set(key, known)
  }
}

const nodeKey = (name: string): string => `node/${name}`
const containerKey = (uid: string, container: string): string => `${uid}/${container}`
