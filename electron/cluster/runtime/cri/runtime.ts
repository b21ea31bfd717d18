import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { GuardedPodNetwork } from '../../network/api.ts'
import type { ContainerConfig, Resources, Runtime, SandboxConfig } from '../api.ts'
import { openCgroups } from '../cgroups/cgroups.ts'
import { etcFiles } from '../etc.ts'
import { EventFan } from '../event-fan.ts'
import { trafficOf } from '../traffic.ts'
import { View, type Change } from '../view.ts'
import { watchRuntime } from '../watch.ts'
import { usesCgroupfs } from './cgroup-driver.ts'
import { CriConnection, CriError, isNotFound, isOverdue } from './connection.ts'
import { containerRequest } from './container-request.ts'
import { imageService } from './images.ts'
import type { StreamChoice } from './messages.ts'
import { changedResources } from './resources.ts'
import { nodeLabel, sandboxRequest } from './sandbox-request.ts'
import { commandSession, portStream } from './sessions.ts'
import { criSource } from './view-source.ts'

export interface CriRuntimeDeps {
  clock: Clock
  logger: Logger
  /** Path of the runtime's socket. */
  socket: string
  /** Tells this node's pods from all else in the runtime, and stays the same over restarts. */
  node: string
  /** Files that containers are shown. */
  directory: string
  /** The way to pods' addresses, which the runtime gives them, and the policies that hold for those. */
  network: Pick<GuardedPodNetwork, 'nodeAddress' | 'dial' | 'admit' | 'detach' | 'expose'>
  /** What the network does not do, one sentence each. */
  limits: readonly string[]
}

/** How long a command may take to be killed at its timeout. */
const killPatience = 30_000

/** Containers of containerd or CRI-O. All that has to outlive the agent is in the runtime: pods are found there again. */
export async function createCriRuntime(deps: CriRuntimeDeps): Promise<Runtime> {
  const cri = new CriConnection(deps.socket, deps.clock)
  try {
    return await runtimeOver(cri, deps)
  } catch (error) {
    cri[Symbol.dispose]()
    throw error
  }
}

async function runtimeOver(cri: CriConnection, deps: CriRuntimeDeps): Promise<Runtime> {
  const { clock, logger, node, directory, network } = deps
  const events = new EventFan<Change>()
  const view = new View(criSource(cri, node), clock.now, (change) => events.send(change))
  const { runtime_name: name, runtime_version: version } = await cri.call('Version', {})
  const { features } = await cri.call('Status', { verbose: false })
  const cgroups = (await usesCgroupfs(cri)) ? openCgroups(directory, clock, { shared: true }) : undefined
  const place = (config: SandboxConfig) => ({ node, cgroupParent: cgroups?.parentOf(groupOf(config)) ?? '' })
  const hostsFile = (sandboxId: string) => path.join(directory, sandboxId, 'hosts')
  await adopt()
  const watch = watchRuntime({ source: cri, view, clock, logger })

  /** Serves the pods of an earlier agent, and removes what was kept for those that have been removed meanwhile. */
  async function adopt(): Promise<void> {
    await mkdir(directory, { recursive: true })
    const sandboxes = await view.sandboxes()
    const ready = sandboxes.filter(({ status }) => status.state === 'ready')
    await cgroups?.retain(new Set(ready.map(({ config }) => groupOf(config))))
    for (const { status, config } of ready) if (status.ip) await network.expose?.(status.id, status.ip, config)
    const present = new Set(sandboxes.map(({ status }) => status.id))
    for (const id of await readdir(directory))
      if (!present.has(id)) await rm(path.join(directory, id), { recursive: true, force: true })
  }

  async function runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<string> {
    cgroups?.createPod(groupOf(config), config.resources)
    try {
      const request = { config: sandboxRequest(config, place(config)), runtime_handler: config.runtimeHandler ?? '' }
      const { pod_sandbox_id: id } = await cri.call('RunPodSandbox', request, signal ? { signal } : {})
      await admit(id, config).catch(async (error: unknown) => {
        await removeSandbox(id).catch(() => {})
        throw error
      })
      return id
    } catch (error) {
      await cgroups?.remove(groupOf(config))
      throw error
    }
  }

  /** Before its first container. */
  async function admit(id: string, config: SandboxConfig): Promise<void> {
    await view.look()
    const { ip } = (await view.sandbox(id)).status
    if (!ip) return
    await network.admit?.(id, ip, config)
    await network.expose?.(id, ip, config)
  }

  async function stopSandbox(id: string): Promise<void> {
    const sandbox = (await view.sandboxes()).find(({ status }) => status.id === id)
    await end(cri.call('StopPodSandbox', { pod_sandbox_id: id }))
    await network.detach(id)
    if (sandbox) await cgroups?.remove(groupOf(sandbox.config))
  }

  async function removeSandbox(id: string): Promise<void> {
    await stopSandbox(id)
    await end(cri.call('RemovePodSandbox', { pod_sandbox_id: id }))
    await rm(path.dirname(hostsFile(id)), { recursive: true, force: true })
  }

  async function createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const { status: sandbox, config: sandboxConfig } = await view.sandbox(sandboxId)
    const image = await images.status(config.image)
    if (!image) throw new Error(`image "${config.image}" is not present`)
    const hosts = hostsFile(sandboxId)
    await mkdir(path.dirname(hosts), { recursive: true })
    await writeFile(hosts, etcFiles(sandboxConfig, sandbox.ip).hosts)
    await mkdir(path.dirname(path.join(sandboxConfig.logDirectory, config.logPath)), { recursive: true })
    const request = {
      pod_sandbox_id: sandboxId,
      config: containerRequest(config, { node, sandbox: sandboxConfig, image, hostsFile: hosts }),
      sandbox_config: sandboxRequest(sandboxConfig, place(sandboxConfig)),
    }
    const { container_id: id } = await cri.call('CreateContainer', request).catch(inItsOwnWords)
    return id
  }

  /** A call that may be repeated, for what may be gone. */
  async function end(call: Promise<unknown>): Promise<void> {
    await call.catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
    await view.look()
  }

  const stats = async () =>
    (await cri.call('ListContainerStats', { filter: { label_selector: { [nodeLabel]: node } } })).stats
  const choice = (tty: boolean, stdin: boolean): StreamChoice => ({ tty, stdin, stdout: true, stderr: !tty })
  const images = imageService(cri)

  return {
    version: `${name}://${version}`,
    limits: [
      ...deps.limits,
      ...(cgroups
        ? []
        : [
            'Limits hold for each container, not for a pod as a whole: the container runtime leaves control groups to systemd.',
          ]),
    ],
    ...(features?.supplemental_groups_policy ? { features: { supplementalGroupsPolicy: true } } : {}),
    // Upstream's words.
    problem: () => (watch.isDown ? 'container runtime is down' : undefined),
    images,
    runSandbox,
    stopSandbox,
    removeSandbox,
    sandboxes: async () => (await view.sandboxes()).map(({ status }) => status),

    createContainer,
    async startContainer(id) {
      try {
        await cri.call('StartContainer', { container_id: id }).catch(inItsOwnWords)
      } finally {
        await view.look()
      }
    },
    stopContainer: (id, graceSeconds) =>
      end(
        cri.call(
          'StopContainer',
          { container_id: id, timeout: Math.ceil(graceSeconds) },
          { limit: graceSeconds * 1000 + killPatience },
        ),
      ),
    removeContainer: (id) => end(cri.call('RemoveContainer', { container_id: id })),
    async updateContainer(id, resources) {
      await cri.call('UpdateContainerResources', { container_id: id, linux: changedResources(resources) })
      view.setResources(id, resources)
    },
    async updateSandbox(id: string, resources: Resources) {
      cgroups?.update(resources, groupOf((await view.sandbox(id)).config))
      view.setResources(id, resources)
    },
    containers: () => view.containers(),
    containerStatus: (id) => view.container(id),
    reopenLog: async (id) => void (await cri.call('ReopenContainerLog', { container_id: id })),
    events: (signal) => events.subscribe(signal),

    async execSync(id, command, timeoutMs) {
      // The runtime counts whole seconds.
      const request = { container_id: id, cmd: command, timeout: Math.ceil(timeoutMs / 1000) }
      try {
        const answer = await cri.call('ExecSync', request, { limit: timeoutMs ? timeoutMs + killPatience : Infinity })
        return { exitCode: answer.exit_code, stdout: answer.stdout, stderr: answer.stderr }
      } catch (error) {
        if (!isOverdue(error)) throw error
        return { exitCode: -1, stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), timedOut: true }
      }
    },
    async exec(id, command, { tty, stdin }) {
      await view.running(id)
      const { url } = await cri.call('Exec', { container_id: id, cmd: command, ...choice(tty, stdin) })
      return commandSession(url, { tty, stdin })
    },
    async attach(id, { tty, stdin }) {
      await view.running(id)
      const { url } = await cri.call('Attach', { container_id: id, ...choice(tty, stdin) })
      const session = await commandSession(url, { tty, stdin })
      return { ...session, exit: session.exit.catch(() => 0) }
    },
    async dial(sandboxId, port, { loopback = false } = {}) {
      const { ip } = (await view.sandbox(sandboxId)).status
      try {
        return await network.dial(ip || (loopback ? '127.0.0.1' : network.nodeAddress), port)
      } catch (error) {
        // Port-forward reaches what listens on the pod's loopback only, which no address from outside does.
        const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
        if (!loopback || !refused || !ip) throw error
        const { url } = await cri.call('PortForward', { pod_sandbox_id: sandboxId, port: [port] })
        return portStream(url, port)
      }
    },
    async stats() {
      const running = (await view.containers()).filter(({ state }) => state === 'running')
      if (cgroups) {
        const groups = new Map((await view.sandboxes()).map(({ status, config }) => [status.id, groupOf(config)]))
        const at = clock.now()
        return running.flatMap(({ id, sandboxId }) => {
          const usage = cgroups.usage(groups.get(sandboxId) ?? '', id)
          return usage ? [{ containerId: id, sandboxId, at, ...usage }] : []
        })
      }
      const sandboxes = new Map(running.map(({ id, sandboxId }) => [id, sandboxId]))
      return (await stats()).flatMap(({ attributes, cpu, memory }) => {
        const sandboxId = sandboxes.get(attributes?.id ?? '')
        if (!attributes || !sandboxId || !cpu?.usage_core_nano_seconds || !memory?.working_set_bytes) return []
        return [
          {
            containerId: attributes.id,
            sandboxId,
            at: Math.floor(cpu.timestamp / 1e6),
            cpuNanos: cpu.usage_core_nano_seconds.value,
            memoryBytes: memory.working_set_bytes.value,
          },
        ]
      })
    },
    async networkStats() {
      const at = clock.now()
      return (await view.sandboxes()).flatMap(({ pid, status }) => {
        const interfaces = pid && status.ip ? trafficOf(pid) : undefined
        return interfaces ? [{ sandboxId: status.id, at, interfaces }] : []
      })
    },
    async writtenBytes(id) {
      const layer = (await stats()).find(({ attributes }) => attributes?.id === id)?.writable_layer
      return { bytes: layer?.used_bytes?.value ?? 0, files: layer?.inodes_used?.value ?? 0 }
    },

    /** Pods go on: they are the runtime's. */
    async [Symbol.asyncDispose]() {
      await watch[Symbol.asyncDispose]()
      events.end()
      cri[Symbol.dispose]()
    },
  }
}

/** A pod's control group is made before its sandbox, and so is not named by that. */
const groupOf = ({ uid, attempt }: SandboxConfig): string => `${uid}-${attempt}`

/** What stands in events and statuses of a container leaves out that a call carried it. Source: kuberuntime's startContainer. */
function inItsOwnWords(error: unknown): never {
  throw error instanceof CriError ? new Error(error.details, { cause: error }) : error
}
