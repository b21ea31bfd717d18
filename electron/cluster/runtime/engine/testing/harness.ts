import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { silentLogger } from '../../../base/logger.ts'
import { systemRandom } from '../../../base/random.ts'
import type { GuardedPodNetwork } from '../../../network/api.ts'
import type { Runtime } from '../../api.ts'
import { serveImages, type TestImages } from '../../cri/testing/images.ts'
import { buildPrograms } from '../../process/testing/programs.ts'
import type { ContractHarness } from '../../testing/contract.ts'
import { openHarness, type RuntimeHarness } from '../../testing/harness.ts'
import { createEngineRuntime } from '../runtime.ts'
import { startEngine, type EngineKind, type TestEngine } from './engine.ts'

interface OverEngine {
  readonly engine: TestEngine
  readonly images: TestImages
  /** The driver of another node over the same engine. */
  openOther(): Promise<Runtime>
}

export type EngineHarness = RuntimeHarness & OverEngine & Pick<ContractHarness, 'hello' | 'sizeCommand'>

export interface EngineHarnessOptions {
  kind: EngineKind
  /** As if the engine were in a virtual machine: pods are reached by their published ports. */
  isAway?: boolean
}

/** The driver over an engine of its own, in the network of a node. */
export const createHarness = ({ kind, isAway = false }: EngineHarnessOptions): Promise<EngineHarness> =>
  openHarness(async ({ directory, owned, openNetwork }) => {
    const { shimEntry } = owned.own(await buildPrograms())
    const images = owned.own(await serveImages())
    const registries = [images.registry.host]
    const engine = owned.own(await startEngine(kind, path.join(directory, 'engine'), { registries }))
    const network = await openNetwork(isAway ? 'mapped' : 'bridge')
    const open = (node: string, given: GuardedPodNetwork = network) =>
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
        shimEntry,
      })
    {
      await using puller = await open(directory)
      for (const image of [images.shell, images.hello]) await puller.images.pull(image)
    }
    const more = {
      engine,
      images,
      hello: images.hello,
      sizeCommand: 'set -- $(stty size); echo $2x$1',
      openOther: () => open('other', { ...network, retain: async () => {} }),
    }
    return { network, image: images.shell, make: () => open(directory), more }
  })
