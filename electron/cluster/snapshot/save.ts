import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import path from 'node:path'
import { dumpPath } from '../apiserver/discovery/serve-path.ts'
import { adminIdentity, clientFileName } from '../apiserver/pki/pki.ts'
import type { Clock } from '../base/clock.ts'
import { silentLogger } from '../base/logger.ts'
import { openDataDirectory, readRemembered, type Remembered } from '../data-directory.ts'
import { ClusterFailure } from '../failure.ts'
import { openStore } from '../open-store.ts'
import { LockHeldError } from '../base/lock-file.ts'
import { dumpOf, parseDump, type Dump } from '../store/dump.ts'
import { readSnapshot, writeSnapshot } from './file.ts'
import { pendingSnapshot } from './seed.ts'

export interface SaveRequest {
  file: string
  dataDirectory: string
  clock: Clock
}

/** Writes a cluster, running or stopped, to a file. Rejects with ClusterFailure or StoreOpenError. */
export async function saveSnapshot({
  file,
  dataDirectory,
  clock,
}: SaveRequest): Promise<{ revision: number; entries: number }> {
  const keysDirectory = path.join(dataDirectory, 'pki')
  if (!existsSync(keysDirectory))
    throw new ClusterFailure(`There is no cluster in ${dataDirectory}.`, 'Name its data directory with --data.')
  const keys = Object.fromEntries(
    readdirSync(keysDirectory)
      .filter((name) => /\.(crt|key)$/.test(name))
      .map((name) => [name, readFileSync(path.join(keysDirectory, name), 'utf8')]),
  )
  const host = readRemembered(dataDirectory)
  const dump = await dumpFrom(dataDirectory, host, clock)
  const { store: _, ...kept } = host
  try {
    writeSnapshot(file, { ...dump, keys, host: kept }, clock.now())
  } catch (error) {
    throw new ClusterFailure(`${file} cannot be written: ${(error as Error).message}.`, 'Name another file.', error)
  }
  return { revision: dump.revision, entries: dump.entries.length }
}

/** The running cluster holds the lock of its directory: then it is asked, else its store is opened in its place. */
async function dumpFrom(directory: string, host: Remembered, clock: Clock): Promise<Dump> {
  let data
  try {
    data = openDataDirectory(directory)
  } catch (error) {
    if (!(error instanceof ClusterFailure && error.cause instanceof LockHeldError)) throw error
    return askRunning(directory, host)
  }
  try {
    const pending = pendingSnapshot(data)
    if (existsSync(pending)) return readSnapshot(pending)
    if (host.store === 'memory' || (typeof host.store !== 'object' && !existsSync(data.file('store'))))
      throw new ClusterFailure(
        `The cluster in ${directory} is not running, and its store in memory is gone.`,
        'A cluster in memory can be saved while it runs.',
      )
    await using store = await openStore({ store: host.store ?? 'lmdb', data, clock, logger: silentLogger })
    return dumpOf(store)
  } finally {
    data[Symbol.dispose]()
  }
}

async function askRunning(directory: string, { port }: Remembered): Promise<Dump> {
  const key = (name: string) => readFileSync(path.join(directory, 'pki', name))
  const admin = clientFileName(adminIdentity)
  try {
    return parseDump(
      await get({
        host: '127.0.0.1',
        port,
        path: dumpPath,
        ca: key('ca.crt'),
        cert: key(`${admin}.crt`),
        key: key(`${admin}.key`),
        agent: false,
      }),
    )
  } catch (error) {
    throw new ClusterFailure(
      `The cluster in ${directory} does not answer: ${(error as Error).message}.`,
      'Wait until it is ready, or stop it and save it then.',
      error,
    )
  }
}

const get = (options: object): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const body = Buffer.concat(chunks)
        if (response.statusCode === 200) resolve(body)
        else reject(new Error(`${response.statusCode} ${body.toString().slice(0, 300)}`))
      })
    })
    sent.on('error', reject)
    sent.end()
  })
