import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { silentLogger } from '../../../base/logger.ts'
import { systemRandom } from '../../../base/random.ts'
import { openHarness, type RuntimeHarness } from '../../testing/harness.ts'
import { chooseIsolation } from '../isolation/choose.ts'
import type { Isolation } from '../isolation/isolation.ts'
import { serveLifeline } from '../lifeline.ts'
import { openPulled } from '../pulled.ts'
import { createProcessRuntime } from '../runtime.ts'
import type { Programs } from './programs.ts'

export interface Harness extends RuntimeHarness {
  /** What happens to shims when the cluster's process is gone without a word. */
  cutLifeline(): Promise<void>
}

export interface HarnessOptions {
  programs: Programs
  /** Default: the best that this machine allows. */
  isolation?: Isolation['kind']
  /** `process`: held open by a process of its own, which cutting it kills. */
  lifeline?: 'process'
  /** How images from registries are unpacked, instead of as the machine allows. */
  stacking?: 'overlay' | 'copy'
}

/** A process runtime over real processes, with its own network and lifeline. */
export const createHarness = ({
  programs,
  isolation: wanted,
  lifeline: holder,
  stacking,
}: HarnessOptions): Promise<Harness> =>
  openHarness(async ({ directory, owned, openNetwork }) => {
    const lifelinePath = path.join(directory, 'lifeline.sock')
    const isolation = await chooseIsolation({
      logger: silentLogger,
      nodeBinary: process.execPath,
      preload: path.join(programs.imagesDirectory, 'preload'),
      scratch: path.join(directory, 'isolation'),
      shared: [],
      wanted,
    })
    const network = await openNetwork(isolation.kind === 'none' ? 'mapped' : 'bridge')
    const pulled = owned.own(
      await openPulled({
        clock: systemClock,
        logger: silentLogger,
        directory: path.join(directory, 'images'),
        scratch: path.join(directory, 'isolation'),
        nodeBinary: process.execPath,
        unpackEntry: programs.unpackEntry,
        isolation: isolation.kind,
        network: network.driver,
        ...(stacking ? { stacking } : {}),
      }),
    )
    let lifeline: AsyncDisposable | undefined =
      holder === 'process' ? await lifelineProcess(lifelinePath) : await serveLifeline(lifelinePath, systemClock)
    const cutLifeline = async () => {
      await lifeline?.[Symbol.asyncDispose]()
      lifeline = undefined
    }
    owned.defer(cutLifeline)
    const make = () =>
      createProcessRuntime({
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
        directory: path.join(directory, 'state'),
        runDirectory: path.join(directory, 'run'),
        imagesDirectory: programs.imagesDirectory,
        network,
        lifeline: lifelinePath,
        shimEntry: programs.shimEntry,
        nodeBinary: process.execPath,
        isolation,
        pulled,
      })
    return { network, image: 'wheelhouse/shell', make, more: { cutLifeline } }
  })

/** Stands for the process of a cluster: disposing it kills it. */
async function lifelineProcess(socket: string): Promise<AsyncDisposable> {
  const script = `require('node:net').createServer((socket) => socket.on('error', () => {}).resume()).listen(${JSON.stringify(socket)}, () => console.log('up'))`
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** Processes of this machine that belong to a harness: its shims by their arguments, containers by their pids on record. */
export function processesOf(directory: string): number[] {
  const pods = path.join(directory, 'state/pods')
  const recorded = new Set<number>()
  for (const pod of readdirSync(pods)) {
    for (const file of readdirSync(path.join(pods, pod))) {
      if (file.endsWith('.run.json'))
        recorded.add((JSON.parse(readFileSync(path.join(pods, pod, file), 'utf8')) as { pid: number }).pid)
    }
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        return recorded.has(Number(name)) || readFileSync(`/proc/${name}/cmdline`, 'utf8').includes(directory)
      } catch {
        return false
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid)
}
