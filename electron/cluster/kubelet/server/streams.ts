import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import { commandOverSpdy, spdyCommandProtocols } from '../streaming/command-over-spdy.ts'
import { commandOverWebSocket } from '../streaming/command-over-websocket.ts'
import type { CommandOptions, CommandStreams } from '../streaming/command-streams.ts'
import { portForwardOverSpdy, portForwardOverWebSocket, portForwardProtocol } from '../streaming/port-forward.ts'
import { runCommand } from '../streaming/run-command.ts'
import { failedWith } from '../streaming/status.ts'
import { webSocketDuplex } from '../streaming/websocket/duplex.ts'
import { chooseCommandProtocol, choosePortProtocol, tunnelProtocol } from '../streaming/websocket/protocols.ts'
import { describePod, findContainer } from '../types.ts'
import { findPod, HttpError, runningContainer, type Served, type ServedNode } from './host.ts'
import { isTrue } from './logs.ts'
import { acceptSpdy, acceptWebSocket, offeredProtocols, upgradeKind, type UpgradeRequest } from './upgrade.ts'

export interface StreamDeps {
  served: Served
  clock: Clock
  logger: Logger
}

type Parameters = readonly string[]

/** `/exec/{namespace}/{pod}/{container}`, also with the pod's uid before the container. */
export async function serveExec(
  deps: StreamDeps,
  path: Parameters,
  query: URLSearchParams,
  upgrade: UpgradeRequest,
): Promise<void> {
  const { node, id, options } = await commandTarget(deps, path, query)
  const command = query.getAll('command')
  if (!command.length) throw new HttpError(400, 'you must specify at least one command for the container')
  const client = await connectClient(deps, upgrade, options)
  await start(deps, client, () => node.runtime.exec(id, command, { tty: options.tty, stdin: options.stdin }))
}

/** `/attach/{namespace}/{pod}/{container}`. */
export async function serveAttach(
  deps: StreamDeps,
  path: Parameters,
  query: URLSearchParams,
  upgrade: UpgradeRequest,
): Promise<void> {
  const { node, id, options } = await commandTarget(deps, path, query)
  const client = await connectClient(deps, upgrade, options)
  await start(deps, client, () => node.runtime.attach(id, { tty: options.tty, stdin: options.stdin }))
}

/** `/portForward/{namespace}/{pod}`. */
export async function servePortForward(
  deps: StreamDeps,
  path: Parameters,
  query: URLSearchParams,
  upgrade: UpgradeRequest,
): Promise<void> {
  const [namespace = '', name = ''] = path
  const { node, pod } = findPod(deps.served, namespace, name)
  const { sandboxes } = await node.inspect(pod)
  const sandbox = sandboxes.find(({ state }) => state === 'ready')
  if (!sandbox) throw new HttpError(400, `pod ${name} is not running`)
  const forward = {
    dial: (port: number) => node.runtime.dial(sandbox.id, port, { loopback: true }),
    pod: describePod(pod),
    clock: deps.clock,
    logger: deps.logger,
  }
  if (upgradeKind(upgrade.request) === 'spdy') {
    acceptSpdy(upgrade, [portForwardProtocol], portForwardProtocol)
    return portForwardOverSpdy(upgrade.socket, forward)
  }
  const offered = offeredProtocols(upgrade.request)
  if (offered.has(tunnelProtocol)) {
    const socket = await acceptWebSocket(upgrade, tunnelProtocol)
    return portForwardOverSpdy(webSocketDuplex(socket), forward)
  }
  const protocol = choosePortProtocol(offered)
  if (!protocol) throw new HttpError(400, `unsupported protocols: ${[...offered].join(', ')}`)
  const ports = portsIn(query)
  const socket = await acceptWebSocket(upgrade, protocol.name)
  return portForwardOverWebSocket(socket, protocol, ports, forward)
}

async function commandTarget(deps: StreamDeps, path: Parameters, query: URLSearchParams) {
  const [namespace = '', name = ''] = path
  const container = path.at(-1) ?? ''
  const { node, pod } = findPod(deps.served, namespace, name)
  if (path.length < 3 || !findContainer(pod, container))
    throw new HttpError(404, `container not found (${JSON.stringify(container)})`)
  // The kubelet's own names, and those of the API's options.
  const options: CommandOptions = {
    stdin: isTrue(query, 'input', 'stdin'),
    stdout: isTrue(query, 'output', 'stdout'),
    stderr: isTrue(query, 'error', 'stderr'),
    tty: isTrue(query, 'tty'),
  }
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw new HttpError(400, 'you must specify at least 1 of stdin, stdout, stderr')
  }
  const { id } = await runningContainer(node, pod, container)
  return { node, id, options }
}

async function connectClient(
  { clock }: StreamDeps,
  upgrade: UpgradeRequest,
  options: CommandOptions,
): Promise<CommandStreams> {
  if (upgradeKind(upgrade.request) === 'spdy') {
    const protocol = acceptSpdy(upgrade, spdyCommandProtocols, 'channel.k8s.io')
    return commandOverSpdy(upgrade.socket, protocol, options, clock)
  }
  const offered = offeredProtocols(upgrade.request)
  const protocol = chooseCommandProtocol(offered)
  if (!protocol) throw new HttpError(400, `unsupported protocols: ${[...offered].join(', ')}`)
  return commandOverWebSocket(await acceptWebSocket(upgrade, protocol.name), protocol, options)
}

async function start(
  { clock }: StreamDeps,
  client: CommandStreams,
  open: () => ReturnType<ServedNode['runtime']['exec']>,
): Promise<void> {
  try {
    const session = await open()
    await runCommand(session, client, clock)
  } catch (error) {
    await client.finish(failedWith((error as Error).message))
  }
}

function portsIn(query: URLSearchParams): number[] {
  const ports = [...query.getAll('port'), ...query.getAll('ports')].flatMap((text) => text.split(',')).map(Number)
  if (!ports.length) throw new HttpError(400, `query parameter "port" is required`)
  for (const port of ports) if (!(port > 0 && port < 65_536)) throw new HttpError(400, `port ${port} is not a port`)
  return ports
}
