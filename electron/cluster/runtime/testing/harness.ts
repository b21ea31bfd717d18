import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { systemClock } from '../../base/clock.ts'
import { Disposer } from '../../base/dispose.ts'
import { silentLogger } from '../../base/logger.ts'
import { systemRandom } from '../../base/random.ts'
import type { PodNetwork } from '../../network/api.ts'
import { createPodNetwork, isFreeFor } from '../../network/pod-network/pod-network.ts'
import type { Runtime } from '../api.ts'
import { testPods, type TestPods } from './pods.ts'

/** A driver over something real, in a pod network of its own. */
export interface RuntimeHarness extends TestPods, AsyncDisposable {
  readonly directory: string
  readonly network: PodNetwork
  /** Lets the driver go, as an agent that dies does, and makes another one over the same state. */
  replaceRuntime(): Promise<Runtime>
}

/** What a harness is built on. What `owned` is given goes with the harness, after its pods, or when it cannot be made. */
export interface Ground {
  /** Short, for sockets. */
  readonly directory: string
  readonly owned: Disposer
  openNetwork(driver: PodNetwork['driver']): Promise<PodNetwork>
}

export interface Driver<More> {
  readonly network: PodNetwork
  /** What containers run unless told otherwise. */
  readonly image: string
  make(): Promise<Runtime>
  /** Of the harness. */
  readonly more: More
}

/** Makes a harness of what `open` opens. Leaves nothing behind, also when that fails. */
export async function openHarness<More extends object>(
  open: (ground: Ground) => Promise<Driver<More>>,
): Promise<RuntimeHarness & More> {
  const owned = new Disposer()
  try {
    const directory = mkdtempSync('/tmp/wh-')
    owned.defer(() => rmSync(directory, { recursive: true, force: true }))
    const openNetwork = async (driver: PodNetwork['driver']) => owned.own(await networkIn(directory, driver))
    const { network, image, make, more } = await open({ directory, owned, openNetwork })
    let runtime = await make()
    owned.defer(async () => runtime[Symbol.asyncDispose]())
    owned.defer(async () => {
      for (const { id } of await runtime.sandboxes()) await runtime.removeSandbox(id)
    })
    return Object.assign(
      testPods(() => runtime, image, directory),
      more,
      {
        directory,
        network,
        async replaceRuntime() {
          await runtime[Symbol.asyncDispose]()
          runtime = await make()
          return runtime
        },
        [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
      },
    )
  } catch (error) {
    await owned[Symbol.asyncDispose]()
    throw error
  }
}

async function networkIn(directory: string, driver: PodNetwork['driver']): Promise<PodNetwork> {
  const runDirectory = path.join(directory, 'run')
  mkdirSync(runDirectory, { recursive: true })
  return createPodNetwork({
    clock: systemClock,
    logger: silentLogger,
    podCidr: await freePodRange(),
    clusterId: directory,
    directory: path.join(directory, 'network'),
    runDirectory,
    driver,
  })
}

/** By chance, for other tests look for one at the same time. */
async function freePodRange(): Promise<string> {
  for (;;) {
    const range = `10.251.${Math.floor(systemRandom.next() * 256)}.0/24`
    if (await isFreeFor(range, [])) return range
  }
}
