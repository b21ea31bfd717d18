import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { rmdir } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { ingressUser } from '#shared/kube/ingress.ts'
import type { AgentConfig, AgentNode, NodeRuntime } from './agent-config.ts'
import { AgentProcess } from './agent-process.ts'
import { openAuditLog } from './apiserver/audit/audit-log.ts'
import { readPolicy } from './apiserver/audit/policy.ts'
import { kubeletJson } from './apiserver/connect/kubelet-connection.ts'
import { writeKubeconfig } from './apiserver/pki/kubeconfig.ts'
import { adminIdentity, nodeIdentity, type Pki } from './apiserver/pki/pki.ts'
import { metricsKinds } from './apiserver/registry/metrics/index.ts'
import type { ApiServer } from './apiserver/server.ts'
import { AuthenticationFile } from './authentication-file.ts'
import type { Clock } from './base/clock.ts'
import { Disposer } from './base/dispose.ts'
import type { Logger } from './base/logger.ts'
import type { Random } from './base/random.ts'
import {
  makeOwnObjects,
  proxyUser,
  simulatorUser,
  startControlPlane,
  volumesUser,
  type ControlPlane,
  type ControlPlaneDeps,
} from './control-plane.ts'
import type { DataDirectory } from './data-directory.ts'
import { ClusterFailure } from './failure.ts'
import { startCollector } from './metrics/collector.ts'
import { Samples } from './metrics/samples.ts'
import { UsageSource } from './metrics/source.ts'
import { claimRange, isFreeFor, pickFreePodRange } from './network/pod-network/pod-network.ts'
import { checkSameKeys } from './same-keys.ts'
import { isShared, openStore } from './open-store.ts'
import { apiServiceAddress, clusterDomain, dnsAddress, runDirectory, type ClusterOptions } from './options.ts'
import type { InstallationPaths } from './paths.ts'
import { serveLifeline } from './runtime/process/lifeline.ts'
import { startTracing, type Tracing } from './trace/tracing.ts'

export interface ClusterDeps {
  options: ClusterOptions
  data: DataDirectory
  paths: InstallationPaths
  clock: Clock
  random: Random
  logger: Logger
  logFile(name: string): string
}

export interface Cluster extends AsyncDisposable {
  /** URL of the API server. */
  readonly server: string
}

/** The user that in-process components of the control plane act as. */
const masters = { name: 'system:apiserver', groups: ['system:masters'] }

/**
 * The whole built-in cluster, wired: the only file that sees all siblings. Resolves when the API server answers; loops
 * and nodes come up behind it. Parts stop in the reverse order of their start.
 */
export async function startCluster(deps: ClusterDeps): Promise<Cluster> {
  const owned = new Disposer()
  try {
    return await start(deps, owned)
  } catch (error) {
    await owned[Symbol.asyncDispose]()
    throw error
  }
}

async function start(deps: ClusterDeps, owned: Disposer): Promise<Cluster> {
  const { options, data, paths, clock, random, logger } = deps
  const runtimes = await findRuntimes(options, clock, logger)
  const store = await openStore({ store: options.store, data, clock, logger })
  owned.own(store)
  if (isShared(options.store)) checkSameKeys(store, data)
  let agent: AgentProcess | undefined
  const samples = new Samples()
  const tracing: Tracing | undefined = options.bare
    ? undefined
    : startTracing({
        clock,
        authorizer: () => controlPlane.server.authorizer,
        client: () => controlPlane.server.client(masters),
      })
  let usage: UsageSource | undefined
  const controlPlane: ControlPlane = await startControlPlane({
    store,
    clock,
    random,
    logger,
    keysDirectory: data.file('pki'),
    descriptionsFile: paths.descriptionsFile,
    yamlWorker: paths.yamlWorkerEntry,
    bare: options.bare,
    moreKinds: tracing
      ? [
          ...metricsKinds({
            pods: async (namespace) => (await usage?.pods(namespace)) ?? [],
            nodes: async () => (await usage?.nodes()) ?? [],
          }),
          ...tracing.kinds,
        ]
      : [],
    wrote: tracing?.wrote,
    ...auditing(deps, owned),
    authentication: authentication(deps, owned),
    unenforced: () => agent?.unenforced,
    locate: (address) => agent?.locate(address) ?? Promise.resolve(address),
  })
  const { pki, server } = owned.own(controlPlane)
  const podCidr = options.bare ? undefined : await podRange(data, runningNodes(options, data), owned)
  const { url, port } = await listenRemembered(server, options.port, data, podCidr)
  data.remember({ port, store: options.store })
  writeKubeconfig(options.kubeconfig, {
    server: url,
    authority: pki.authority,
    client: pki.clientFor(adminIdentity),
    user: 'wheelhouse-admin',
  })
  if (podCidr === undefined || !tracing)
    return { server: url, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() }

  const client = server.client(masters)
  await makeOwnObjects(client)
  // Compiled by who has loops only.
  const { startLoops } = await import('./loops.ts')
  // The data directory's lock makes it unique, and a restart leads on at once.
  const leader = isShared(options.store) ? `${os.hostname()}_${digestOf(data).slice(0, 16)}` : undefined
  const informers = await startLoops({ clock, random, logger, server, pki, podCidr, leader, tracing }, owned)
  usage = new UsageSource({ informers, clock, samples })
  agent = await startAgent(deps, owned, pki, url, podCidr, runtimes)
  const collector = startCollector({
    informers,
    clock,
    logger: logger.child('metrics'),
    samples,
    summary: (kubelet, signal) => kubeletJson(pki, kubelet, '/stats/summary?only_cpu_and_memory=true', signal),
  })
  owned.defer(() => collector[Symbol.dispose]())
  // The first thing of all: pods that end gracefully need everything else.
  const { shutdownGraces } = options
  if (shutdownGraces?.length) owned.defer(() => agent?.shutDown(shutdownGraces))
  return { server: url, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() }
}

/** Requests are written down where a policy in the data directory says so. */
function auditing({ data, clock, logger }: ClusterDeps, owned: Disposer): Pick<ControlPlaneDeps, 'audit'> {
  const file = process.env['WHEELHOUSE_AUDIT_POLICY'] ?? data.file('audit-policy.yaml')
  if (!existsSync(file)) return {}
  try {
    const policy = readPolicy(readFileSync(file, 'utf8'))
    const log = owned.own(openAuditLog({ clock, logger: logger.child('audit'), file: data.file('audit', 'audit.log') }))
    return { audit: { policy, write: (line) => log.write(line) } }
  } catch (error) {
    throw new ClusterFailure(
      `The audit policy ${file} cannot be used: ${(error as Error).message}.`,
      'Correct it, or remove the file to write down nothing.',
      error,
    )
  }
}

/** Whom the cluster believes besides itself, where a file in the data directory says so. */
function authentication({ data, clock, logger }: ClusterDeps, owned: Disposer): ControlPlaneDeps['authentication'] {
  const named = process.env['WHEELHOUSE_AUTHENTICATION_CONFIG'] ?? data.file('authentication.yaml')
  const file = AuthenticationFile.open(named, { clock, logger: logger.child('authentication') })
  if (!file) return undefined
  owned.defer(() => file[Symbol.dispose]())
  return () => file.current
}

/** The range of an earlier start, unless something else on the machine has taken it since. */
async function podRange(data: DataDirectory, nodes: readonly NodeIdentity[], owned: Disposer): Promise<string> {
  const { podCidr } = data.remembered()
  const own = nodes.map(({ networkId }) => networkId)
  const taken: string[] = []
  for (;;) {
    const isFree = podCidr !== undefined && !taken.includes(podCidr) && (await isFreeFor(podCidr, own))
    const chosen = isFree ? podCidr : await pickFreePodRange({ taken })
    const claim = await claimRange(chosen)
    if (claim) {
      owned.own(claim)
      data.remember({ podCidr: chosen })
      return chosen
    }
    taken.push(chosen)
  }
}

type NodeIdentity = Pick<AgentNode, 'name' | 'networkId' | 'runtime'>

const digestOf = (data: DataDirectory): string => createHash('sha256').update(data.path).digest('hex')

/** Servers that share a store are one cluster, in which a node's name must be its own. */
const nodeBase = (base: string, { store }: ClusterOptions, data: DataDirectory): string =>
  isShared(store) ? `${base}-${digestOf(data).slice(0, 6)}` : base

/** What runs the containers of nodes whose containers are no processes of ours, where there are such nodes. */
interface FoundRuntimes {
  cri?: NodeRuntime
  engine?: NodeRuntime
}

async function findRuntimes(options: ClusterOptions, clock: Clock, logger: Logger): Promise<FoundRuntimes> {
  if (options.bare) return {}
  return {
    ...(options.nodes.cri ? { cri: await findRuntime(options, clock) } : {}),
    ...(options.nodes.engine ? { engine: await findEngine(options, logger) } : {}),
  }
}

async function findEngine({ engineSocket }: ClusterOptions, logger: Logger): Promise<NodeRuntime> {
  const { detectEngine } = await import('./runtime/engine/detect.ts')
  const found = await detectEngine(engineSocket)
  if ('why' in found)
    throw new ClusterFailure(
      `A node of the kind engine cannot be started: ${found.why}.`,
      engineSocket === undefined
        ? 'Start Docker, Podman or another Docker-compatible engine, or say where one listens with --engine-socket.'
        : 'Give --engine-socket the path of the socket of a Docker-compatible engine that runs.',
    )
  const { name, socket, isHere } = found
  logger.info('found a container engine', { name, socket, isHere, tried: engineSocket ?? 'usual places' })
  return { kind: 'engine', socket, isHere: isHere && process.getuid?.() === 0 }
}

async function findRuntime({ criSocket }: ClusterOptions, clock: Clock): Promise<NodeRuntime> {
  const { detectRuntime } = await import('./runtime/cri/detect.ts')
  const found = await detectRuntime(clock, criSocket)
  if ('socket' in found) return { kind: 'cri', socket: found.socket }
  throw new ClusterFailure(
    `A node of the kind cri cannot be started: ${found.why}.`,
    criSocket === undefined
      ? 'Start containerd or CRI-O, or say where one listens with --cri-socket.'
      : 'Give --cri-socket the path of a socket of containerd or CRI-O.',
  )
}

/** Those that run pods. */
const runningNodes = (options: ClusterOptions, data: DataDirectory, runtimes: FoundRuntimes = {}): NodeIdentity[] => {
  const named = (base: string, i: number, runtime?: NodeRuntime) => {
    const name = `${nodeBase(base, options, data)}${i ? `-${i + 1}` : ''}`
    return { name, networkId: `${digestOf(data).slice(0, 16)}-${name}`, ...(runtime ? { runtime } : {}) }
  }
  return [
    ...Array.from({ length: options.nodes.process }, (_, i) => named('wheelhouse', i)),
    ...Array.from({ length: options.nodes.cri }, (_, i) => named('wheelhouse-cri', i, runtimes.cri)),
    ...Array.from({ length: options.nodes.engine }, (_, i) => named('wheelhouse-engine', i, runtimes.engine)),
  ]
}

/** First address of a range: under it pods reach their node. */
function firstAddress(cidr: string): string {
  const [base = ''] = cidr.split('/')
  return base.replace(/\d+$/, (last) => String(Number(last) + 1))
}

async function listenRemembered(
  server: ApiServer,
  wanted: number,
  data: DataDirectory,
  podCidr: string | undefined,
): Promise<{ url: string; port: number }> {
  const host = '127.0.0.1'
  // Pods find the server behind its service; the proxy leads what goes there to loopback.
  const advertised = podCidr ? { advertised: { address: firstAddress(podCidr) } } : {}
  const remembered = data.remembered().port ?? 0
  try {
    return await server.listen({ host, port: wanted || remembered, ...advertised })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (wanted)
      throw new ClusterFailure(
        code === 'EADDRINUSE'
          ? `Port ${wanted} is in use.`
          : `Port ${wanted} cannot be opened: ${(error as Error).message}.`,
        'Choose another with --port, or leave it out for a free one.',
        error,
      )
    if (!remembered) throw error
    return await server.listen({ host, port: 0, ...advertised })
  }
}

/** The agent's process, with the keys of the nodes that it runs. */
async function startAgent(
  { options, data, paths, clock, logger, logFile }: ClusterDeps,
  owned: Disposer,
  pki: Pki,
  server: string,
  podCidr: string,
  runtimes: FoundRuntimes,
): Promise<AgentProcess> {
  const digest = digestOf(data)
  const run = runDirectory(data.path, digest)
  mkdirSync(run, { recursive: true, mode: 0o700 })
  const lifeline =
    process.platform === 'win32' ? `\\\\.\\pipe\\wheelhouse-${digest.slice(0, 10)}` : path.join(run, 'lifeline')
  const line = await serveLifeline(lifeline, clock)
  const [base = ''] = podCidr.split('.0.0/')
  const nodes = runningNodes(options, data, runtimes).map((node, i) => ({ ...node, podCidr: `${base}.${i}.0/24` }))
  const config: AgentConfig = {
    server,
    authority: pki.authority,
    clusterId: digest.slice(0, 16),
    nodes: nodes.map((node) => ({ ...node, client: pki.clientFor(nodeIdentity(node.name)) })),
    simulated: options.nodes.simulated
      ? {
          count: options.nodes.simulated,
          name: nodeBase('simulated', options, data),
          devices: options.simulatedDevices ?? 0,
          client: pki.clientFor({ user: simulatorUser }),
        }
      : undefined,
    proxy: pki.clientFor({ user: proxyUser }),
    ingress: { client: pki.clientFor({ user: ingressUser }), certificate: pki.ingressDefault() },
    volumes: pki.clientFor({ user: volumesUser }),
    serving: pki.nodeServing('wheelhouse', [
      'localhost',
      '127.0.0.1',
      ...nodes.map((node) => firstAddress(node.podCidr)),
    ]),
    podCidr,
    apiServiceAddress,
    dnsAddress,
    clusterDomain,
    directory: data.file('nodes'),
    runDirectory: run,
    lifeline,
    imagesDirectory: paths.imagesDirectory,
    shimEntry: paths.shimEntry,
    unpackEntry: paths.unpackEntry,
    nodeBinary: paths.nodeBinary,
    logFile: logFile('agent'),
  }
  const agent = new AgentProcess({
    clock,
    logger: logger.child('agent'),
    entry: paths.agentEntry,
    nodeBinary: paths.nodeBinary,
    config,
  })
  // Both at once: pods end by the lifeline while the agent lets go of them.
  owned.defer(async () => {
    await Promise.all([agent[Symbol.asyncDispose](), line[Symbol.asyncDispose]()])
    // Not empty while a shim lives that the next start has to find.
    await rmdir(run).catch(() => {})
  })
  return agent
}
