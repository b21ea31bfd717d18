import { mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { Disposer } from '../../../base/dispose.ts'
import { silentLogger } from '../../../base/logger.ts'
import { createPodNetwork } from '../../../network/pod-network/pod-network.ts'
import type { Runtime } from '../../api.ts'
import type { ContractHarness } from '../../testing/contract.ts'
import { testPods } from '../../testing/pods.ts'
import { openCni } from '../cni.ts'
import { createCriRuntime } from '../runtime.ts'
import { startContainerd, type TestContainerd } from './containerd.ts'
import { serveImages, type TestImages } from './images.ts'

export interface CriHarness extends ContractHarness, AsyncDisposable {
  containerd: TestContainerd
  images: TestImages
  /** By sandbox, the addresses for which policies hold. */
  admitted: Map<string, string>
  /** When set, why no pod is admitted. */
  refusal: Error | undefined
  /** The driver of another node over the same containerd. */
  openOther(): Promise<Runtime>
  /** Lets the driver go, as an agent that dies does, and makes another one over the same containerd. */
  replaceRuntime(): Promise<Runtime>
}

/** The driver over a containerd of its own, in the network of a node. */
export async function createHarness(podCidr: string): Promise<CriHarness> {
  const disposer = new Disposer()
  try {
    return await assemble(podCidr, disposer)
  } catch (error) {
    await disposer[Symbol.asyncDispose]()
    throw error
  }
}

async function assemble(podCidr: string, disposer: Disposer): Promise<CriHarness> {
  const directory = mkdtempSync('/tmp/wh-cri-')
  disposer.defer(() => rmSync(directory, { recursive: true, force: true }))
  const images = disposer.own(await serveImages())
  const containerd = disposer.own(await startContainerd(path.join(directory, 'containerd'), images.pause))
  const { socket } = containerd
  const network = disposer.own(
    await createPodNetwork({
      clock: systemClock,
      logger: silentLogger,
      podCidr,
      clusterId: directory,
      directory: path.join(directory, 'network'),
      runDirectory: directory,
      driver: 'bridge',
    }),
  )
  const cni = disposer.own(
    await openCni({
      clock: systemClock,
      socket,
      name: 'wheelhouse-test',
      podCidr,
      directory: path.join(directory, 'addresses'),
    }),
  )
  const admitted = new Map<string, string>()
  const make = (node = 'test') =>
    createCriRuntime({
      clock: systemClock,
      logger: silentLogger,
      socket,
      node,
      directory: path.join(directory, 'state', node),
      network: {
        dial: (ip, port) => network.dial(ip, port),
        async admit(sandboxId, ip) {
          if (harness.refusal) throw harness.refusal
          admitted.set(sandboxId, ip)
        },
        detach: async (sandboxId) => void admitted.delete(sandboxId),
      },
      limits: cni.limits,
    })
  let runtime = await make()
  disposer.defer(async () => runtime[Symbol.asyncDispose]())
  disposer.defer(async () => {
    for (const { id } of await runtime.sandboxes()) await runtime.removeSandbox(id)
  })
  for (const image of [images.shell, images.hello]) await runtime.images.pull(image)
  const harness: CriHarness = Object.assign(
    testPods(() => runtime, images.shell, directory),
    {
      directory,
      network,
      containerd,
      images,
      admitted,
      refusal: undefined,
      hello: images.hello,
      sizeCommand: 'set -- $(stty size); echo $2x$1',
      openOther: () => make('other'),
      async replaceRuntime() {
        await runtime[Symbol.asyncDispose]()
        runtime = await make()
        return runtime
      },
      [Symbol.asyncDispose]: () => disposer[Symbol.asyncDispose](),
    },
  )
  return harness
}
