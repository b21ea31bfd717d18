import type { Connector } from '../handlers/api-request.ts'
import type { ConnectDeps } from './deps.ts'
import { logConnector } from './logs.ts'
import { proxyConnector } from './proxy.ts'
import { containerSession, portForwardSession } from './sessions.ts'

/** What subresources that are streams are handed to, by the name in `Subresource.connect`. */
export function kubeletConnectors(deps: ConnectDeps): ReadonlyMap<string, Connector> {
  return new Map([
    ['log', logConnector(deps)],
    ['exec', containerSession('exec', deps)],
    ['attach', containerSession('attach', deps)],
    ['portforward', portForwardSession(deps)],
    ['proxy', proxyConnector(deps)],
  ])
}
