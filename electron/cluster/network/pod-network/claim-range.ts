import { createServer } from 'node:net'

/**
 * Keeps a range of pods from other clusters that start now: what is taken shows in the machine's interfaces only when its
 * nodes are there. Ends with the process. Undefined where another has claimed it.
 */
export async function claimRange(range: string): Promise<AsyncDisposable | undefined> {
  // Elsewhere addresses of pods are names only. A name of Linux's own is in the network namespace, as interfaces are.
  if (process.platform !== 'linux') return { [Symbol.asyncDispose]: async () => {} }
  const server = createServer((connection) => connection.destroy())
  const claimed = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(`\0wheelhouse-pods-${range}`, () => resolve(true))
  })
  server.unref()
  return claimed ? server : undefined
}
