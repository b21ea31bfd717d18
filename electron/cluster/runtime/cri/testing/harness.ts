import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { silentLogger } from '../../../base/logger.ts'
import type { PortMapping } from '../../../network/api.ts'
import type { Runtime } from '../../api.ts'
import type { ContractHarness } from '../../testing/contract.ts'
import { openHarness, type RuntimeHarness } from '../../testing/harness.ts'
import { openCni } from '../cni.ts'
import { createCriRuntime } from '../runtime.ts'
import { startContainerd, type TestContainerd } from './containerd.ts'
import { serveImages, type TestImages } from './images.ts'

/** What the network has been told. */
interface Told {
  /** By sandbox, the addresses for which policies hold. */
  readonly admitted: Map<string, string>
  /** By sandbox, the ports that lead there. */
  readonly exposed: Map<string, readonly PortMapping[]>
  /** When set, why no pod is admitted. */
  refusal: Error | undefined
}

interface OverContainerd {
  readonly containerd: TestContainerd
  readonly images: TestImages
  readonly told: Told
  /** The driver of another node over the same containerd. */
  openOther(): Promise<Runtime>
}

export type CriHarness = RuntimeHarness & OverContainerd & Pick<ContractHarness, 'hello' | 'sizeCommand'>

/** The driver over a containerd of its own, in the network of a node. */
export const createHarness = (): Promise<CriHarness> =>
  openHarness(async ({ directory, owned, openNetwork }) => {
    const images = owned.own(await serveImages())
    const containerd = owned.own(await startContainerd(path.join(directory, 'containerd'), images.pause))
    const { socket } = containerd
    const network = await openNetwork('bridge')
    const { podCidr, nodeAddress, dial } = network
    const addresses = path.join(directory, 'addresses')
    const cni = owned.own(
      await openCni({ clock: systemClock, socket, name: 'wheelhouse-test', podCidr, directory: addresses }),
    )
    const told: Told = { admitted: new Map(), exposed: new Map(), refusal: undefined }
    const open = (node: string) =>
      createCriRuntime({
        clock: systemClock,
        logger: silentLogger,
        socket,
        node,
        directory: path.join(directory, 'state', node),
        network: {
          nodeAddress,
          dial,
          async admit(sandboxId, ip) {
            if (told.refusal) throw told.refusal
            told.admitted.set(sandboxId, ip)
          },
          expose: async (sandboxId, _, { portMappings }) => void told.exposed.set(sandboxId, portMappings),
          async detach(sandboxId) {
            told.admitted.delete(sandboxId)
            told.exposed.delete(sandboxId)
          },
        },
        limits: cni.limits,
      })
    await using puller = await open('puller')
    for (const image of [images.shell, images.hello]) await puller.images.pull(image)
    const more = {
      containerd,
      images,
      told,
      hello: images.hello,
      sizeCommand: 'set -- $(stty size); echo $2x$1',
      openOther: () => open('other'),
    }
    return { network, image: images.shell, make: () => open('test'), more }
  })
