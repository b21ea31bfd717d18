import net from 'node:net'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import type { AgentConfig, AgentNode, FromAgent, NodeRuntime, PemPair, Place, ToAgent } from './agent-config.ts'
import { backoffDelay } from './base/backoff.ts'
import { systemClock as clock } from './base/clock.ts'
import { Disposer } from './base/dispose.ts'
import { lineLogger, type Logger, type LogLevel } from './base/logger.ts'
import { systemRandom as random } from './base/random.ts'
import { HttpsClient } from './client/https-client.ts'
import { startAgent, type Agent } from './kubelet/agent.ts'
import { NodeDirectories } from './kubelet/directories.ts'
import type { ShutdownGrace } from './kubelet/shutdown/graces.ts'
import { PullRecords } from './kubelet/images/pull-records.ts'
import { startHostDirectories } from './kubelet/volumes/host-directories.ts'
import { openLogFile } from './log-file.ts'
import { IngressController } from './network/ingress/ingress.ts'
import { NftTable, tableName } from './network/nftables/table.ts'
import { startNodeNetwork, type NetworkedNode, type NodeNetwork } from './network/node-network.ts'
import type { GuardedPodNetwork, Locate, PodNetwork } from './network/api.ts'
import { reportUnenforced, whyUnenforced } from './network/policies/unenforced.ts'
import { createPodNetwork, type PodNetworkDeps } from './network/pod-network/pod-network.ts'
import type { Runtime } from './runtime/api.ts'
import type { EngineRuntimeDeps } from './runtime/engine/runtime.ts'
import { chooseIsolation } from './runtime/process/isolation/choose.ts'
import type { Isolation } from './runtime/process/isolation/isolation.ts'
import { openPulled, type Pulled } from './runtime/process/pulled.ts'
import { createProcessRuntime } from './runtime/process/runtime.ts'

/** The agent's process: the nodes of this machine and their network. Started and told what to do by the cluster's. */
const kubeletVersion = 'v1.36.2+wheelhouse'
/** The kubelets: they stop first, or they would replace the pods that end. */
const kubelets = new Disposer()
const owned = new Disposer()
const stopping = new AbortController()
let starting: Promise<void> | undefined
let agent: Agent | undefined
/** Nodes whose container runtime may be away: nothing else waits for them. */
const joining: Promise<void>[] = []
let locate: Locate = () => undefined

process.on('message', (message: ToAgent) => {
  if (message.type === 'start') starting = start(message.config)
  else if (message.type === 'shutDown') void shutDown(message.graces)
  else if (message.type === 'locate') answer(message.question, message.address)
  else void stop()
})
// The cluster's process is gone: so are its pods.
process.on('disconnect', () => void stop())
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})

async function start(config: AgentConfig): Promise<void> {
  const log = openLogFile(config.logFile)
  const logger = lineLogger((line) => log.write(line), clock.now, (process.env['WHEELHOUSE_LOG'] ?? 'info') as LogLevel)
  try {
    tell({ type: 'ready', ...(await startParts(config, logger)) })
  } catch (error) {
    await fail(error, logger)
  }
}

async function fail(error: unknown, logger: Logger): Promise<void> {
  if (stopping.signal.aborted) return
  logger.error('the agent could not start', { error: String((error as Error).stack) })
  await dispose()
  process.exit(1)
}

/** Nodes that are still starting have no pods that could end. */
async function shutDown(graces: readonly ShutdownGrace[]): Promise<void> {
  await agent?.shutDown(graces).catch(() => {})
  tell({ type: 'shutDown' })
}

const tell = (message: FromAgent): void => void process.send?.(message)

const answer = (question: number, address: Place): void =>
  tell({ type: 'located', question, place: locate(address.host, address.port) ?? address })

async function startParts(config: AgentConfig, logger: Logger): Promise<Omit<FromAgent & { type: 'ready' }, 'type'>> {
  const nodes = kubelets.own(
    startAgent({
      clock,
      random,
      logger: logger.child('kubelet'),
      kubeletVersion,
      server: { tls: { key: config.serving.key, cert: config.serving.certificate, clientCa: config.authority } },
    }),
  )
  agent = nodes
  const client = (pair: PemPair, userAgent: string) =>
    owned.own(
      new HttpsClient({
        server: config.server,
        ca: config.authority,
        cert: pair.certificate,
        key: pair.key,
        userAgent,
        clock,
      }),
    )

  const isolation = config.nodes.some(isOfProcesses) ? await openIsolation(config, logger) : undefined
  let nodeNetwork: NodeNetwork | undefined
  locate = (ip, port) =>
    nodeNetwork?.locate(ip, port) ?? networks.map((network) => network.locate(ip, port)).find((place) => place)
  // Goes after the networks of pods: as long as they reach anything, policies hold.
  const policies = owned.own(new NftTable(tableName(config.clusterId, 'policies')))
  const opening = config.nodes.map(async (node) =>
    owned.own(await openNetwork(config, node, { isolation, locate, logger })),
  )
  // Where one cannot be made, the others are owned before everything is let go of.
  await Promise.allSettled(opening)
  const networks = await Promise.all(opening)
  stopping.signal.throwIfAborted()
  const dial = dialer(config, networks)
  const [first] = networks
  if (first) {
    const processes = isolation && (await openProcesses(config, first, isolation, logger))
    nodeNetwork = await startNodeNetwork({
      client: client(config.proxy, 'kube-proxy'),
      clock,
      random,
      logger: logger.child('network'),
      // All nodes of this process share one proxy, which serves the pods of all of them.
      network: { ...shared(networks, first), podCidr: config.podCidr, dial },
      nodes: networks.map(({ driver, podCidr, nodeAddress }, i) => ({
        name: config.nodes[i]!.name,
        driver,
        podCidr,
        address: nodeAddress,
      })) as [NetworkedNode, ...NetworkedNode[]],
      policies,
      dnsAddress: config.dnsAddress,
      clusterId: config.clusterId,
      domain: config.clusterDomain,
      apiServer: { address: advertisedAddress(config), port: Number(new URL(config.server).port) },
    })
    const { limits, guard, services } = owned.own(nodeNetwork)
    owned.own(
      new IngressController({
        client: client(config.ingress.client, 'wheelhouse-ingress'),
        clock,
        random,
        logger: logger.child('ingress'),
        services,
        servicesSynced: nodeNetwork.whenSynced(),
        dial,
        nodeName: config.nodes[0]!.name,
        domain: config.clusterDomain,
        certificate: config.ingress.certificate,
      }),
    )
    stopping.signal.throwIfAborted()
    owned.own(
      startHostDirectories({
        client: client(config.volumes, 'wheelhouse-host-directories'),
        clock,
        random,
        logger: logger.child('volumes'),
        directories: new Map(config.nodes.map(({ name }) => [name, directoriesOf(config, name).volumes])),
      }),
    )
    await Promise.all(
      config.nodes.map(async (node, i) => {
        const parts = { network: guard(networks[i]!), processes, limits }
        const added = addNode(nodes, config, node, parts, client(node.client, 'kubelet'), logger)
        if (isOfProcesses(node)) await added
        else joining.push(added.catch((error: unknown) => fail(error, logger)))
      }),
    )
  }
  if (config.simulated) {
    const { count, name, devices, client: pair } = config.simulated
    const simulated = Array.from({ length: count }, (_, i) => ({ name: `${name}-${i + 1}` }))
    await nodes.simulate(
      { client: client(pair, 'wheelhouse-simulator'), nodes: simulated, devices, tainted: config.nodes.length > 0 },
      stopping.signal,
    )
  }
  const unenforced = whyUnenforced(networks.map(({ driver }) => driver))
  if (unenforced) {
    const deps = { client: client(config.proxy, 'network-policies'), clock, random, logger: logger.child('network') }
    owned.own(reportUnenforced(deps, unenforced))
  }
  return { mapped: networks.some(({ driver }) => driver === 'mapped'), unenforced }
}

/** What suites choose, so that a machine that allows everything shows what one does that lacks something. */
const wanted = {
  isolation: choice('WHEELHOUSE_ISOLATION', ['bubblewrap', 'unshare', 'none']),
  network: choice('WHEELHOUSE_POD_NETWORK', ['bridge', 'mapped']),
}

function choice<Name extends string>(variable: string, names: readonly Name[]): Name | undefined {
  const value = process.env[variable]
  if (!value) return undefined
  const found = names.find((name) => name === value)
  if (!found) throw new Error(`${variable} is "${value}", which is none of ${names.join(', ')}`)
  return found
}

const openIsolation = (config: AgentConfig, logger: Logger): Promise<Isolation> =>
  chooseIsolation({
    logger: logger.child('runtime'),
    nodeBinary: config.nodeBinary,
    preload: path.join(config.imagesDirectory, 'preload'),
    scratch: path.join(config.directory, 'isolation'),
    shared: [config.directory],
    wanted: wanted.isolation,
  })

const openNetwork = (
  config: AgentConfig,
  node: AgentNode,
  { isolation, locate, logger }: { isolation: Isolation | undefined; locate: Locate; logger: Logger },
): Promise<PodNetwork> =>
  createPodNetwork({
    clock,
    logger: logger.child('pod-network'),
    podCidr: node.podCidr,
    clusterCidr: config.podCidr,
    clusterId: node.networkId,
    directory: path.join(config.directory, node.name, 'network'),
    runDirectory: config.runDirectory,
    locate,
    // A host process would ask the machine's resolvers for the names of the cluster.
    ...(isolation?.kind === 'none' ? { driver: 'mapped', why: 'they are not isolated' } : {}),
    ...(wanted.network ? { driver: wanted.network } : {}),
    ...networkOf(node),
  })

/** Where some pods have no network of their own, services are led by the agent, who listens where those who have one reach it. */
const shared = (networks: readonly PodNetwork[], first: PodNetwork): Pick<PodNetwork, 'driver' | 'gateway'> => ({
  driver: networks.some(({ driver }) => driver === 'mapped') ? 'mapped' : 'bridge',
  gateway: (networks.find(({ driver }) => driver === 'bridge') ?? first).gateway,
})

/** Containers of a runtime have a network of their own, whatever processes have; unless they are out of reach. */
function networkOf({ runtime }: AgentNode): Pick<PodNetworkDeps, 'driver' | 'why'> {
  if (!runtime) return {}
  if (runtime.kind === 'cri' || runtime.isHere) return { driver: 'bridge' }
  return { driver: 'mapped', why: 'those of the container engine are out of reach but for ports that it publishes' }
}

/** The first address of the range: under it pods know the API server. */
const advertisedAddress = ({ podCidr }: AgentConfig): string => podCidr.replace(/\d+\/\d+$/, '1')

/** Connections to pods of any node of this process, and to the API server behind its advertised address. */
function dialer(config: AgentConfig, networks: readonly PodNetwork[]): PodNetwork['dial'] {
  const { hostname, port } = new URL(config.server)
  const advertised = advertisedAddress(config)
  return (ip, target, signal): Promise<Duplex> => {
    if (ip === advertised && target === Number(port)) return connect(hostname, target, signal)
    const prefix = ip.slice(0, ip.lastIndexOf('.') + 1)
    const network = networks.find(({ podCidr }) => podCidr.startsWith(prefix)) ?? networks[0]!
    return network.dial(ip, target, signal)
  }
}

function connect(host: string, port: number, signal?: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, allowHalfOpen: true, ...(signal ? { signal } : {}) })
    socket.once('connect', () => resolve(socket))
    socket.once('error', reject)
  })
}

const directoriesOf = (config: AgentConfig, node: string): NodeDirectories =>
  new NodeDirectories(path.join(config.directory, node))

const isOfProcesses = ({ runtime }: AgentNode): boolean => runtime === undefined

/** What nodes whose containers are processes share. */
interface Processes {
  isolation: Isolation
  pulled: Pulled
  pullRecords: PullRecords
}

async function openProcesses(
  config: AgentConfig,
  network: PodNetwork,
  isolation: Isolation,
  logger: Logger,
): Promise<Processes> {
  const pulled = await openPulled({
    clock,
    logger: logger.child('images'),
    directory: path.join(config.directory, 'images'),
    scratch: path.join(config.directory, 'isolation'),
    nodeBinary: config.nodeBinary,
    unpackEntry: config.unpackEntry,
    isolation: isolation.kind,
    network: network.driver,
  })
  owned.own(pulled)
  return { isolation, pulled, pullRecords: new PullRecords(path.join(config.directory, 'image-pulls.json')) }
}

interface NodeParts {
  network: GuardedPodNetwork
  processes: Processes | undefined
  limits: readonly string[]
}

type Opened = Pick<Parameters<Agent['add']>[0], 'runtime' | 'pullRecords'>

async function addNode(
  agent: Agent,
  config: AgentConfig,
  node: AgentNode,
  { network, processes, limits }: NodeParts,
  client: HttpsClient,
  logger: Logger,
): Promise<void> {
  const directory = path.join(config.directory, node.name)
  const { runtime, pullRecords } =
    isOfProcesses(node) && processes
      ? await processRuntime(config, directory, network, processes, logger)
      : await containerRuntime(config, node, directory, network, logger)
  await agent.add(
    {
      name: node.name,
      client,
      runtime,
      pullRecords,
      directory,
      addresses: [
        // Where pods have no network of their own, their address for the node leads nobody else there.
        { type: 'InternalIP', address: network.driver === 'bridge' ? network.nodeAddress : '127.0.0.1' },
        { type: 'Hostname', address: node.name },
      ],
      podCidr: node.podCidr,
      // What the pod network does not isolate, the runtime tells itself.
      limits,
      // UDP through the service proxy costs a session per query: pods ask their gateway, where the same server listens.
      dns: { address: network.nodeAddress, domain: config.clusterDomain },
    },
    stopping.signal,
  )
}

async function processRuntime(
  config: AgentConfig,
  directory: string,
  network: GuardedPodNetwork,
  { isolation, pulled, pullRecords }: Processes,
  logger: Logger,
): Promise<Opened> {
  const runtime = owned.own(
    await createProcessRuntime({
      clock,
      random,
      logger: logger.child('runtime'),
      directory: path.join(directory, 'runtime'),
      runDirectory: config.runDirectory,
      imagesDirectory: config.imagesDirectory,
      network,
      isolation,
      pulled,
      lifeline: config.lifeline,
      shimEntry: config.shimEntry,
      nodeBinary: config.nodeBinary,
    }),
  )
  return { runtime, pullRecords }
}

/** Loaded by who has such nodes only. */
async function opener(
  runtime: NodeRuntime,
  deps: Omit<EngineRuntimeDeps, 'socket' | 'isHere'>,
): Promise<() => Promise<Runtime>> {
  if (runtime.kind === 'cri') {
    const { openCriNode } = await import('./runtime/cri/node.ts')
    return () => openCriNode({ ...deps, ...runtime })
  }
  const { openEngineNode } = await import('./runtime/engine/node.ts')
  return () => openEngineNode({ ...deps, ...runtime })
}

const whileAway = { initial: 200, max: 5000 }

/** Waits for a container runtime that is away: meanwhile its node alone is not ready. */
async function containerRuntime(
  config: AgentConfig,
  node: AgentNode,
  directory: string,
  network: GuardedPodNetwork,
  logger: Logger,
): Promise<Opened> {
  const { nodeBinary, shimEntry } = config
  const deps = {
    clock,
    random,
    logger: logger.child('runtime'),
    node: node.networkId,
    directory: path.join(directory, 'runtime'),
    network,
    nodeBinary,
    shimEntry,
  }
  const open = await opener(node.runtime!, deps)
  for (let failures = 0; ; failures++) {
    try {
      const runtime = owned.own(await open())
      return { runtime, pullRecords: new PullRecords(path.join(directory, 'image-pulls.json')) }
    } catch (error) {
      const delay = backoffDelay(failures, whileAway)
      deps.logger.warn('the container runtime cannot be used yet', { error: (error as Error).message, delay })
      await clock.sleep(delay, stopping.signal)
    }
  }
}

/** Frees what the agent holds. Pods end with the cluster's lifeline; they live on when only the agent is stopped. */
async function stop(): Promise<void> {
  if (stopping.signal.aborted) return
  stopping.abort(new Error('the agent is stopping'))
  // What is being made has no owner yet.
  await starting
  await Promise.all(joining)
  await dispose()
  process.exit(0)
}

async function dispose(): Promise<void> {
  for (const parts of [kubelets, owned]) await parts[Symbol.asyncDispose]().catch(() => {})
}
