import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { PodNetwork } from '../../network/api.ts'
import type { PulledImage } from './images/service.ts'
import { ImageStore } from './images/store.ts'
import type { Isolation, Launcher } from './isolation/isolation.ts'
import { openPulledLauncher } from './isolation/pulled.ts'

/** What images from registries are kept and run by; or the sentence that says what that would need. */
export type Pulled = { store: ImageStore; launcher: Launcher<PulledImage> } | { why: string }

export interface PulledOptions {
  clock: Clock
  logger: Logger
  /** Of the store; one process at a time has it. */
  directory: string
  /** Where programs are kept that containers are started with. */
  scratch: string
  nodeBinary: string
  unpackEntry: string
  isolation: Isolation['kind']
  network: PodNetwork['driver']
  stacking?: ImageStore['snapshots']['stacking']
}

/** Opens the store where images from registries can be run. Never rejects: what stands in the way is told to who wants one. */
export async function openPulled(options: PulledOptions): Promise<Pulled & AsyncDisposable> {
  const unable = (why: string) => ({ why, [Symbol.asyncDispose]: async () => {} })
  if (process.platform !== 'linux')
    return unable(
      'images from registries need Linux: run Wheelhouse there, or in a virtual machine (on Windows, in WSL)',
    )
  if (process.getuid?.() !== 0)
    return unable('images from registries need the rights of root: start Wheelhouse as root')
  if (options.isolation === 'none')
    return unable('images from registries need Linux namespaces, which this machine does not allow: allow them')
  if (options.network !== 'bridge')
    return unable('images from registries need a network for each pod: install iproute2 and nftables')
  try {
    const store = await ImageStore.open(options)
    const launcher = await openPulledLauncher({ scratch: options.scratch, store })
    return {
      store,
      launcher,
      async [Symbol.asyncDispose]() {
        store[Symbol.dispose]()
        launcher[Symbol.dispose]()
      },
    }
  } catch (error) {
    const said = (error as Error).message.trim().split('\n').at(-1)!
    options.logger.warn('images from registries cannot be run', { why: said })
    return unable(
      `images from registries cannot be run on this machine (${said}): it needs util-linux, coreutils and a kernel with user namespaces`,
    )
  }
}
