import { request, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import { checkServerIdentity, connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { internal } from '#shared/kube/status.ts'
import type { Pki } from '../pki/pki.ts'
import type { KubeletAddress } from './targets.ts'

type Where = Pick<KubeletAddress, 'host' | 'port'> & { node?: string }

/**
 * How this server and a kubelet prove to each other who they are. The kubelet is told by the server name which node is
 * meant, for all simulated nodes have one; its certificate is for its host.
 */
export function kubeletTls(pki: Pki, { host, port, node = host }: Where): ConnectionOptions & RequestOptions {
  return {
    host,
    port,
    ca: pki.authority,
    cert: pki.kubeletClient.certificate,
    key: pki.kubeletClient.key,
    ...(isIP(node) ? {} : { servername: node }),
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate),
  }
}

export function kubeletSocket(pki: Pki, address: Where): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...kubeletTls(pki, address), ALPNProtocols: ['http/1.1'] })
    const failed = (error: Error) => reject(unreachable(address, error))
    socket.once('error', failed)
    socket.once('secureConnect', () => {
      socket.off('error', failed)
      socket.setNoDelay(true)
      resolve(socket)
    })
  })
}

/** A GET to the kubelet; resolves when its headers are there. */
export function kubeletGet(pki: Pki, address: Where, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asking = request({ ...kubeletTls(pki, address), path, signal, agent: false })
    asking.once('error', (error) => reject(unreachable(address, error)))
    asking.once('response', resolve)
    asking.end()
  })
}

/** The JSON that a kubelet answers a GET with. */
export async function kubeletJson<T>(pki: Pki, address: Where, path: string, signal: AbortSignal): Promise<T> {
  const answer = await kubeletGet(pki, address, path, signal)
  const text = Buffer.concat((await answer.toArray({ signal })) as Buffer[]).toString()
  if (answer.statusCode !== 200) throw new Error(`the kubelet answered ${answer.statusCode}: ${text.trim()}`)
  return JSON.parse(text) as T
}

/** Source: what client-go's transport reports of a dial that failed. */
const unreachable = ({ host, port }: Where, error: Error) =>
  internal(`error dialing backend: dial tcp ${host}:${port}: ${error.message}`)
