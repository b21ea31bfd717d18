import type { Socket } from 'node:net'
import { pods, resourcePath } from '#shared/kube/resources.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import type { PodPort } from './target.ts'

const data = 0
const error = 1

/** How long the rest of an answer is waited for, once the local side has finished. */
const afterwards = 30_000

/**
 * Joins a local connection to a port of a pod, over one WebSocket. Resolves when it is over: with what the node said
 * went wrong, if anything.
 *
 * The protocol cannot say that one side has finished while the other goes on, so a local end is kept from the pod: what
 * it still answers arrives.
 */
export async function tunnel(
  connection: ApiConnection,
  namespace: string,
  { pod, port }: PodPort,
  local: Socket,
  { signal, opened }: { signal: AbortSignal; opened(): void },
): Promise<string | undefined> {
  const path = `${resourcePath(pods, { namespace, name: pod, subresource: 'portforward' })}?ports=${port}`
  const remote = await connection.upgrade(path, ['v4.channel.k8s.io'], signal)
  return await new Promise((resolve) => {
    let complaint = ''
    let idle: NodeJS.Timeout | undefined
    const wait = () => {
      clearTimeout(idle)
      idle = setTimeout(() => remote.close(), afterwards)
    }
    // The first message of each channel only repeats the port.
    const greeted = new Set<number>()
    remote.on('message', (message: Buffer) => {
      const channel = message[0]!
      let payload = message.subarray(1)
      if (!greeted.has(channel)) {
        greeted.add(channel)
        payload = payload.subarray(2)
      }
      if (!payload.length) return
      if (channel === error) {
        complaint += payload.toString('utf8')
        // Nothing comes after it, but not every server closes.
        remote.close()
        return
      }
      if (channel !== data) return
      opened()
      if (local.readableEnded) wait()
      if (local.write(payload)) return
      remote.pause()
      local.once('drain', () => remote.resume())
    })
    local.on('data', (chunk: Buffer) => {
      local.pause()
      remote.send(Buffer.concat([Buffer.of(data), chunk]), () => local.resume())
    })
    local.on('end', wait)
    local.on('close', () => {
      remote.close()
      setTimeout(() => remote.terminate(), 2000).unref()
    })
    remote.on('error', () => {})
    remote.on('close', () => {
      clearTimeout(idle)
      // What has arrived is still to be read.
      if (complaint) local.destroy()
      else local.end()
      resolve(complaint.trim() || undefined)
    })
    remote.resume()
    if (local.destroyed) remote.terminate()
    else local.resume()
  })
}
