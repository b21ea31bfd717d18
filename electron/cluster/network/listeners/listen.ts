import type { EndpointAddress, Place, Protocol } from '../api.ts'
import { listenTcp, type Listener, type TcpListenerDeps } from './tcp-listener.ts'
import { listenUdp } from './udp-listener.ts'

/** Whether policies let a client, who came to a port of this machine, to an endpoint. */
export type Allows = (client: string, endpoint: EndpointAddress, protocol: Protocol) => boolean

export type ListenDeps = Omit<TcpListenerDeps, 'allows'> & { readonly allows: Allows }

/** Leads what comes to a port of this machine to endpoints. Rejects with the system's error when it may not be bound. */
export function listen(protocol: 'TCP' | 'UDP', { host, port }: Place, deps: ListenDeps): Promise<Listener> {
  const allows = (client: string, endpoint: EndpointAddress) => deps.allows(client, endpoint, protocol)
  return (protocol === 'TCP' ? listenTcp : listenUdp)(host, port, { ...deps, allows })
}
