import {
  credentials,
  loadPackageDefinition,
  status,
  type ChannelCredentials,
  type Client,
  type ClientDuplexStream,
  type ServiceError,
} from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { CommitError, StoreUnavailableError } from '../api.ts'
import {
  descriptor,
  type RangeRequest,
  type RangeResponse,
  type TxnRequest,
  type TxnResponse,
  type WatchResponse,
} from './descriptor.ts'

export interface EtcdTls {
  /** PEM. Absent: the system's authorities, and no client certificate. */
  authority?: Buffer
  certificate?: Buffer
  key?: Buffer
}

export interface EtcdAddress {
  /** Such as http://127.0.0.1:2379; all of one cluster. */
  urls: readonly string[]
  tls?: EtcdTls
}

/** The history that a read or a watch needs is gone. */
export class EtcdCompactedError extends Error {}

/** How long one call may take. etcd itself gives up on a lost leader after about 7 s. */
const callLimit = 10_000

interface Member {
  url: string
  kv: Client
  watch: Client
}

type Unary = (
  request: object,
  options: { deadline: Date },
  done: (error: ServiceError | null, answer: object) => void,
) => void

/** Calls to one etcd cluster: to one member at a time, to the next one when that one fails. */
export class EtcdConnection implements Disposable {
  readonly #members: Member[]
  readonly #now: () => number
  #current = 0

  constructor({ urls, tls }: EtcdAddress, now: () => number) {
    this.#now = now
    const loaded = loadPackageDefinition(
      fromJSON(descriptor as Parameters<typeof fromJSON>[0], { keepCase: true, longs: Number, defaults: true }),
    )
    const { KV, Watch } = loaded['etcdserverpb'] as unknown as Record<'KV' | 'Watch', typeof Client>
    const options = {
      // The default refuses what a list of large objects easily exceeds.
      'grpc.max_receive_message_length': -1,
      // A watch on a connection that died silently would wait for ever; etcd tolerates a ping each 5 s.
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 5000,
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 2000,
    }
    this.#members = urls.map((url) => {
      const { protocol, host } = new URL(url)
      const channel = credentialsOf(protocol, tls)
      return { url, kv: new KV(host, channel, options), watch: new Watch(host, channel, options) }
    })
  }

  /** The member that calls go to. */
  get url(): string {
    return this.#member.url
  }

  get #member(): Member {
    return this.#members[this.#current]!
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    for (let tried = 1; ; tried++) {
      try {
        return await this.#call<RangeResponse>('Range', request)
      } catch (error) {
        if (!(error instanceof StoreUnavailableError) || tried >= this.#members.length) throw error
      }
    }
  }

  /** Never sent twice: what became of a call that got no answer is unknown. */
  txn(request: TxnRequest): Promise<TxnResponse> {
    return this.#call('Txn', request)
  }

  async compact(revision: number): Promise<void> {
    await this.#call('Compact', { revision, physical: false })
  }

  /** All changes of all keys from a revision on. Settles when the stream ends; rejects unless the signal ended it. */
  watch(from: number, onResponse: (response: WatchResponse) => void, signal: AbortSignal): Promise<void> {
    const everything = Buffer.from([0])
    return new Promise((resolve, reject) => {
      const member = this.#member
      const client = member.watch as unknown as { Watch(): ClientDuplexStream<object, WatchResponse> }
      const stream = client.Watch()
      const stop = () => stream.cancel()
      signal.addEventListener('abort', stop, { once: true })
      const end = (error: Error | undefined) => {
        signal.removeEventListener('abort', stop)
        if (signal.aborted) return resolve()
        this.#moveOnFrom(member)
        reject(error ?? new StoreUnavailableError('etcd ended the watch', 'not-sent'))
      }
      stream.on('data', (response: WatchResponse) => {
        if (!response.canceled) return onResponse(response)
        end(response.compact_revision ? new EtcdCompactedError() : new Error(response.cancel_reason))
        stream.cancel()
      })
      stream.on('error', (error: ServiceError) => end(this.#explain(error)))
      stream.on('end', () => end(undefined))
      stream.write({ create_request: { key: everything, range_end: everything, start_revision: from } })
    })
  }

  #call<T>(method: 'Range' | 'Txn' | 'Compact', request: object): Promise<T> {
    const member = this.#member
    const { kv } = member
    return new Promise((resolve, reject) => {
      const call = (kv as unknown as Record<string, Unary>)[method]!.bind(kv)
      call(request, { deadline: new Date(this.#now() + callLimit) }, (error, answer) => {
        if (!error) return resolve(answer as T)
        const explained = this.#explain(error)
        if (explained instanceof StoreUnavailableError) this.#moveOnFrom(member)
        reject(explained)
      })
    })
  }

  /** Many calls fail when a member does: the first of them moves on. */
  #moveOnFrom(failed: Member): void {
    if (this.#member === failed) this.#current = (this.#current + 1) % this.#members.length
  }

  #explain(error: ServiceError): Error {
    const { code } = error
    // What follows is empty or repeats the rest.
    const details = error.details.replace(/\.? Resolution note:.*$/s, '')
    const cause = { cause: error }
    if (details.includes('required revision has been compacted')) return new EtcdCompactedError(details, cause)
    if (details.includes('database space exceeded'))
      return new CommitError(
        `etcd at ${this.url} has no space left: ${details}`,
        'Compact and defragment it, raise its quota, and disarm its alarm: etcdctl alarm disarm.',
        cause,
      )
    if (details.includes('request is too large'))
      return new CommitError(
        `the object is too large for etcd at ${this.url}`,
        'Make it smaller, or start etcd with a larger --max-request-bytes.',
        cause,
      )
    const unreachable = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED, status.CANCELLED, status.UNKNOWN]
    if (!unreachable.includes(code)) return new Error(`etcd at ${this.url} refuses: ${details}`, cause)
    const sent = /^(No connection|Name resolution)/.test(details) ? 'not-sent' : 'unknown'
    return new StoreUnavailableError(`etcd at ${this.url} does not answer: ${details}`, sent, cause)
  }

  [Symbol.dispose](): void {
    for (const { kv, watch } of this.#members) {
      kv.close()
      watch.close()
    }
  }
}

function credentialsOf(protocol: string, tls: EtcdTls = {}): ChannelCredentials {
  return protocol === 'https:'
    ? credentials.createSsl(tls.authority ?? null, tls.key ?? null, tls.certificate ?? null)
    : credentials.createInsecure()
}
