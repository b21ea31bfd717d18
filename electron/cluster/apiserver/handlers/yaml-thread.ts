import { Worker } from 'node:worker_threads'
import { yamlFailure } from './yaml.ts'
import type { Read } from './yaml-worker.ts'

/** A document of 3 MB takes a few hundred. */
const mostMemoryMiB = 768

const stopping = () => yamlFailure('the server is stopping')

/**
 * Reads YAML documents off the main thread, one after the other: 1 MB of it takes a second, in which nobody would be
 * served.
 */
export class YamlThread implements Disposable {
  readonly #entry: string
  #worker: Worker | undefined
  #last: Promise<unknown> = Promise.resolve()
  #stopped = false

  /** `entry`: the program of the thread. */
  constructor(entry: string) {
    this.#entry = entry
  }

  /** The document as JSON. Rejects with 400. */
  convert(body: Buffer): Promise<Buffer> {
    const json = this.#last.then(() => this.#run(body))
    this.#last = json.catch(() => {})
    return json
  }

  #run(body: Buffer): Promise<Buffer> {
    if (this.#stopped) return Promise.reject(stopping())
    return new Promise((resolve, reject) => {
      const resourceLimits = { maxOldGenerationSizeMb: mostMemoryMiB }
      const worker = (this.#worker = new Worker(this.#entry, { workerData: body, resourceLimits }))
      worker.once('message', (read: Read) => {
        if ('json' in read) resolve(Buffer.from(read.json))
        else reject(yamlFailure(read.problem))
      })
      worker.once('error', (error) => reject(yamlFailure(error)))
      worker.once('exit', () => reject(stopping()))
    })
  }

  [Symbol.dispose](): void {
    this.#stopped = true
    void this.#worker?.terminate()
  }
}
