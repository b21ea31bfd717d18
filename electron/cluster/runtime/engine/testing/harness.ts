import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { Disposer } from '../../../base/dispose.ts'
import { silentLogger } from '../../../base/logger.ts'
import { systemRandom } from '../../../base/random.ts'
import type { GuardedPodNetwork } from '../../../network/api.ts'
import { createPodNetwork } from '../../../network/pod-network/pod-network.ts'
import type { Runtime } from '../../api.ts'
import { serveImages, type TestImages } from '../../cri/testing/images.ts'
import { buildPrograms, type Programs } from '../../process/testing/programs.ts'
import type { ContractHarness } from '../../testing/contract.ts'
import { testPods } from '../../testing/pods.ts'
import { createEngineRuntime } from '../runtime.ts'
import { startEngine, type EngineKind, type TestEngine } from './engine.ts'

export interface EngineHarness extends ContractHarness, AsyncDisposable {
  engine: TestEngine
  images: TestImages
  network: GuardedPodNetwork
  /** The driver of another node over the same engine. */
  openOther(): Promise<Runtime>
  /** Lets the driver go, as an agent that dies does, and makes another one over the same engine. */
  replaceRuntime(meanwhile?: () => Promise<void>): Promise<Runtime>
}

export interface EngineHarnessOptions {
  kind: EngineKind
  podCidr: string
  /** As if the engine were in a virtual machine: pods are reached by their published ports. */
  isAway?: boolean
}

/** The driver over an engine of its own, in the network of a node. */
export async function createHarness(options: EngineHarnessOptions): Promise<EngineHarness> {
  const disposer = new Disposer()
  try {
    return await assemble(options, disposer)
  } catch (error) {
    await disposer[Symbol.asyncDispose]()
    throw error
  }
}

async function assemble(
  { kind, podCidr, isAway = false }: EngineHarnessOptions,
  disposer: Disposer,
): Promise<EngineHarness> {
  const directory = mkdtempSync('/tmp/wh-engine-')
  disposer.defer(() => rmSync(directory, { recursive: true, force: true }))
  const programs: Programs = disposer.own(await buildPrograms())
  const images = disposer.own(await serveImages())
  const registries = [images.registry.host]
  const engine = disposer.own(await startEngine(kind, path.join(directory, 'engine'), { registries }))
  const runDirectory = path.join(directory, 'run')
  mkdirSync(runDirectory)
  const network = disposer.own(
    await createPodNetwork({
      clock: systemClock,
      logger: silentLogger,
      podCidr,
      clusterId: directory,
      directory: path.join(directory, 'network'),
      runDirectory,
      driver: isAway ? 'mapped' : 'bridge',
    }),
  )
  const make = (node = directory, given: GuardedPodNetwork = network) =>
    createEngineRuntime({
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      socket: engine.socket,
      isHere: !isAway,
      node,
      directory: path.join(directory, 'state', path.basename(node)),
      network: given,
      nodeBinary: process.execPath,
      shimEntry: programs.shimEntry,
    })
  let runtime = await make()
  disposer.defer(async () => runtime[Symbol.asyncDispose]())
  disposer.defer(async () => {
    await Promise.all((await runtime.sandboxes()).map(({ id }) => runtime.removeSandbox(id)))
  })
  for (const image of [images.shell, images.hello]) await runtime.images.pull(image)
  return Object.assign(
    testPods(() => runtime, images.shell, directory),
    {
      directory,
      network,
      engine,
      images,
      hello: images.hello,
      sizeCommand: 'set -- $(stty size); echo $2x$1',
      openOther: () => make('other', { ...network, retain: async () => {} }),
      async replaceRuntime(meanwhile?: () => Promise<void>) {
        await runtime[Symbol.asyncDispose]()
        await meanwhile?.()
        runtime = await make()
        return runtime
      },
      [Symbol.asyncDispose]: () => disposer[Symbol.asyncDispose](),
    },
  )
}
