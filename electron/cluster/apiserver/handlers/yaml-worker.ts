import { parentPort, workerData } from 'node:worker_threads'
import { readYaml } from './yaml-text.ts'

/** A thread that reads one YAML document and ends. Started by yaml-thread.ts. */
export type Read = { readonly json: string } | { readonly problem: string }

function read(bytes: Uint8Array): Read {
  try {
    return { json: readYaml(Buffer.from(bytes).toString()).json }
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) }
  }
}

parentPort!.postMessage(read(workerData as Uint8Array))
