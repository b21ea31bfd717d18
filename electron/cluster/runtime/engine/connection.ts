import { request } from 'node:http'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import Docker, { type GetEventsOptions } from 'dockerode'

/** What an engine says no with, as dockerode hands it on. */
interface Refusal {
  statusCode?: number
  json?: { message?: string; cause?: string } | null
}

/** Of what an engine tells of itself. */
export interface EngineInfo {
  OSType?: string
  Name: string
  KernelVersion: string
  Architecture: string
  CgroupDriver: string
  DockerRootDir: string
  Runtimes: Record<string, object>
  SecurityOptions?: string[]
}

/** The kubelet's runtimeRequestTimeout. */
const silence = 120_000

/** Calls to one engine over its socket. */
export interface EngineConnection {
  /** For calls that are answered at once: an engine that is silent for two minutes fails them. */
  readonly engine: Docker
  /** For those that may be silent for as long as they like. */
  readonly streams: Docker
  /** The streams of a container itself. */
  attach(container: string, stdin: boolean): Promise<Duplex>
  /** Calls back for each event of a container with this label. Rejects when the engine ends. */
  events(label: string, onEvent: () => void, signal: AbortSignal): Promise<never>
}

export function connectEngine(socketPath: string, timeout = silence): EngineConnection {
  const streams = new Docker({ socketPath })
  return {
    engine: new Docker({ socketPath, timeout }),
    streams,
    attach: (container, stdin) => attached(socketPath, container, stdin),
    async events(label, onEvent, abortSignal) {
      const filters = { type: ['container' as const], label: [label] }
      const stream = await streams.getEvents({ filters, abortSignal } as GetEventsOptions)
      stream.on('data', onEvent)
      return new Promise((_, reject) => {
        const end = () => reject(new Error('the engine ended its events'))
        stream.on('error', end)
        stream.on('close', end)
        abortSignal.addEventListener('abort', end, { once: true })
      })
    },
  }
}

/** Not by dockerode, which sends its options along, and Podman takes them for the first of the input. */
function attached(socketPath: string, container: string, stdin: boolean): Promise<Duplex> {
  const path = `/containers/${container}/attach?stream=1&stdout=1&stderr=1&stdin=${stdin ? 1 : 0}`
  const headers = { connection: 'Upgrade', upgrade: 'tcp', 'content-length': 0 }
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path, method: 'POST', headers })
    sent.on('error', reject)
    sent.on('response', (response) => {
      text(response)
        .then((said) => reject(new Error(said.trim() || `the engine answered ${response.statusCode}`)))
        .catch(reject)
    })
    sent.on('upgrade', (_response, socket, head) => {
      if (head.length) socket.unshift(head)
      resolve(socket)
    })
    sent.end()
  })
}

export const statusOf = (error: unknown): number | undefined => (error as Refusal).statusCode

const isGone = (error: unknown): boolean => statusOf(error) === 404

/** Undefined for what is not there. */
export const unlessGone = <T>(call: Promise<T>): Promise<T | undefined> =>
  call.catch((error: unknown) => {
    if (!isGone(error)) throw error
    return undefined
  })

/** A call that may be repeated, for what may have ended, or be ending, or be gone. */
export async function ended(call: Promise<unknown>): Promise<void> {
  await call.catch((error: unknown) => {
    if (![304, 404, 409].includes(statusOf(error) ?? 0)) throw error
  })
}

/** Without what dockerode says around it. */
export function wordsOf(error: unknown): string {
  const { json } = error as Refusal
  return json?.message ?? json?.cause ?? (error as Error).message
}

/** What stands in events and statuses of a container leaves out that a call carried it. */
export function inItsOwnWords(error: unknown): never {
  throw statusOf(error) === undefined ? error : new Error(wordsOf(error), { cause: error })
}
