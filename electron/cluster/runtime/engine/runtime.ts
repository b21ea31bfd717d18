import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { directorySize } from '../../base/directory-size.ts'
import { Disposer } from '../../base/dispose.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { GuardedPodNetwork } from '../../network/api.ts'
import type { ContainerConfig, Runtime, SandboxConfig } from '../api.ts'
import { openCgroups } from '../cgroups/cgroups.ts'
import { EventFan } from '../event-fan.ts'
import { runToEnd } from '../run-to-end.ts'
import { trafficOf } from '../traffic.ts'
import { View, type Change } from '../view.ts'
import { watchRuntime } from '../watch.ts'
import { connectEngine, ended, inItsOwnWords, statusOf, unlessGone, wordsOf, type EngineInfo } from './connection.ts'
import { containerRequest } from './container-request.ts'
import { imageService } from './images.ts'
import { nodeLabel, sandboxLabel } from './labels.ts'
import { ContainerLogs } from './logs.ts'
import { dialLoopback, type LoopbackDeps } from './loopback.ts'
import { leastOomScore } from './oom-score.ts'
import { ensurePauseImage } from './pause-image.ts'
import { PodFiles } from './pod-files.ts'
import { openPodPlaces } from './pod-places.ts'
import { changedLimits } from './resources.ts'
import { sandboxName, sandboxRequest } from './sandbox-request.ts'
import { attachedSession, commandSession } from './sessions.ts'
import { usageOf } from './usage.ts'
import { engineSource } from './view-source.ts'

export interface EngineRuntimeDeps extends LoopbackDeps {
  clock: Clock
  random: Random
  logger: Logger
  /** Path of the engine's socket. */
  socket: string
  /** The engine's containers are processes of this machine, over which this process has power. */
  isHere: boolean
  /** Tells this node's containers from all else in the engine, and stays the same over restarts. */
  node: string
  /** What outlives the agent. */
  directory: string
  /** `bridge` where the engine is here, else `mapped`. */
  network: GuardedPodNetwork
}

/** Containers of a Docker-compatible engine. All that has to outlive the agent is in the engine: pods are found there again. */
export async function createEngineRuntime(deps: EngineRuntimeDeps): Promise<Runtime> {
  const owned = new Disposer()
  try {
    return await runtimeOver(deps, owned)
  } catch (error) {
    await owned[Symbol.asyncDispose]()
    throw error
  }
}

async function runtimeOver(deps: EngineRuntimeDeps, owned: Disposer): Promise<Runtime> {
  const { clock, random, logger, node, directory, network, isHere } = deps
  const connection = connectEngine(deps.socket)
  const { engine } = connection
  const [version, info] = await Promise.all([engine.version(), engine.info() as Promise<EngineInfo>])
  const isPodman = version.Components?.some(({ Name }) => Name === 'Podman Engine') ?? false
  // Somebody may remove it.
  const pauseImage = () => ensurePauseImage(connection, info.Architecture)
  await pauseImage()
  mkdirSync(directory, { recursive: true })
  const files = new PodFiles(path.join(directory, 'pods'))
  const leastScore = leastOomScore(isHere, info.SecurityOptions ?? [])
  const isOursToGroup = isHere && info.CgroupDriver === 'cgroupfs'
  const cgroups = isOursToGroup ? openCgroups(directory, clock, { shared: true }) : undefined
  const places = owned.own(await openPodPlaces({ connection, network, node }))
  const logs = owned.own(new ContainerLogs(connection, clock))
  const events = new EventFan<Change>()
  owned.defer(() => events.end())
  const source = engineSource({ connection, node, files, logs })
  const view = new View(source, clock.now, (change) => events.send(change))
  const groupOf = (containerId: string) => (isPodman ? `libpod-${containerId}` : containerId)
  const newId = () => random.uuid().replaceAll('-', '')
  const imagesDirectory = isHere && existsSync(info.DockerRootDir) ? info.DockerRootDir : undefined
  const images = imageService({ connection, directory, imagesDirectory })
  await adopt()
  const label = `${nodeLabel}=${node}`
  const watch = owned.own(
    watchRuntime({ source: { events: (...of) => connection.events(label, ...of) }, view, clock, logger }),
  )

  /** What an earlier agent has left: pods that run are led to again, of others nothing stays here. */
  async function adopt(): Promise<void> {
    const sandboxes = await view.sandboxes()
    const ready = sandboxes.filter(({ status }) => status.state === 'ready')
    files.retain(new Set(sandboxes.map(({ status }) => status.id)))
    await cgroups?.retain(new Set(ready.map(({ status }) => status.id)))
    await network.retain(ready.map(({ status }) => status.id))
    for (const { status, config } of ready) if (status.ip) await places.lead(status.id, status.ip, config)
    if (sandboxes.length) logger.info('found pods of an earlier run', { pods: sandboxes.length, alive: ready.length })
  }

  async function runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<string> {
    const { runtimeHandler: handler } = config
    if (handler && !(handler in info.Runtimes))
      throw new Error(`failed to get sandbox runtime: no runtime for ${JSON.stringify(handler)} is configured`)
    signal?.throwIfAborted()
    const id = newId()
    try {
      cgroups?.createPod(id, config.resources)
      const place = {
        node,
        id,
        pauseImage: await pauseImage(),
        leastOomScore: leastScore,
        cgroupParent: cgroups?.parentOf(id),
        ...(await places.reserve(id, config)),
      }
      const { id: engineId } = await engine.createContainer(sandboxRequest(config, place)).catch(inItsOwnWords)
      await engine.getContainer(engineId).start().catch(inItsOwnWords)
      const { State, NetworkSettings } = await engine.getContainer(engineId).inspect()
      const ip = await places.settle(id, config, { pid: State.Pid, ports: NetworkSettings.Ports })
      files.write(id, config, ip)
      signal?.throwIfAborted()
    } catch (error) {
      await removeSandbox(id).catch(() => {})
      throw error
    }
    view.forget(id)
    await view.look()
    return id
  }

  const containersOf = (sandboxId: string) =>
    engine.listContainers({ all: true, filters: { label: [label, `${sandboxLabel}=${sandboxId}`] } })

  async function stopSandbox(id: string): Promise<void> {
    const alive = (await containersOf(id)).filter(({ State }) => State === 'running')
    await Promise.all(alive.map(({ Id }) => ended(engine.getContainer(Id).kill())))
    await network.detach(id)
    await cgroups?.remove(id)
    await view.look()
  }

  async function removeSandbox(id: string): Promise<void> {
    await stopSandbox(id)
    // Podman keeps what others depend on.
    const all = (await containersOf(id)).toSorted(({ Names: [name] }) => (name === `/${sandboxName(id)}` ? 1 : -1))
    for (const { Id } of all) await remove(Id)
    files.remove(id)
    await view.look()
  }

  /** With the volumes that its image asked for. */
  async function remove(id: string): Promise<void> {
    await ended(engine.getContainer(id).remove({ force: true, v: true }))
    logs.forget(id)
  }

  async function createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const { config: sandbox } = await view.sandbox(sandboxId)
    const image = await images.status(config.image)
    if (!image) throw new Error(`image "${config.image}" is not present`)
    const place = {
      node,
      name: `wheelhouse-${config.name}-${sandbox.name}-${newId().slice(0, 8)}`,
      sandboxId,
      sandbox,
      image,
      etc: files.etc(sandboxId, { dns: places.servesDns || !sandbox.dns.servers.includes(network.nodeAddress) }),
      cgroupParent: cgroups?.parentOf(sandboxId),
      leastOomScore: leastScore,
      isPodman,
    }
    const { id } = await engine.createContainer(containerRequest(config, place)).catch(inItsOwnWords)
    await view.look()
    return id
  }

  async function startContainer(id: string): Promise<void> {
    try {
      await engine.getContainer(id).start()
    } catch (error) {
      const status = statusOf(error) === undefined ? undefined : await view.container(id)
      if (status) files.writeStartError(status.sandboxId, id, { message: wordsOf(error), at: clock.now() })
      // It is in the same state as before.
      view.forget(id)
      return inItsOwnWords(error)
    } finally {
      await view.look()
    }
  }

  return {
    version: isPodman ? `podman://${version.Version}` : `docker://${version.Version}`,
    limits: [...network.limits, ...limitSentences({ isHere, cgroups: cgroups !== undefined })],
    // Upstream's words.
    problem: () => (watch.isDown ? 'container runtime is down' : undefined),
    images,
    runSandbox,
    stopSandbox,
    removeSandbox,
    sandboxes: async () => (await view.sandboxes()).map(({ status }) => status),

    createContainer,
    startContainer,
    async stopContainer(id, graceSeconds) {
      // The engine counts whole seconds.
      await ended(connection.streams.getContainer(id).stop({ t: Math.ceil(graceSeconds) }))
      await view.look()
    },
    async removeContainer(id) {
      await remove(id)
      await view.look()
    },
    async updateContainer(id, resources) {
      const status = await view.container(id)
      const updating = engine.getContainer(id).update(changedLimits(resources))
      await updating.catch((error: unknown) => {
        // Podman before 4.4 has no such call.
        if (!isPodman || !cgroups || !status) return inItsOwnWords(error)
        cgroups.update(resources, status.sandboxId, groupOf(id))
      })
      view.setResources(id, resources)
    },
    async updateSandbox(id, resources) {
      cgroups?.update(resources, id)
      view.setResources(id, resources)
    },
    containers: () => view.containers(),
    containerStatus: (id) => view.container(id),
    events: (signal) => events.subscribe(signal),

    async execSync(id, command, timeoutMs) {
      await view.running(id)
      const session = await commandSession(connection, clock, id, command, { tty: false, stdin: false })
      const answer = await runToEnd(session, timeoutMs, clock)
      if (answer.timedOut && isHere) endGroup(await session.pid())
      return answer
    },
    async exec(id, command, options) {
      await view.running(id)
      return commandSession(connection, clock, id, command, options)
    },
    async attach(id, options) {
      await view.running(id)
      return attachedSession(connection, clock, id, options)
    },
    async dial(sandboxId, port, { loopback = false } = {}) {
      const { status, pid } = await view.sandbox(sandboxId)
      try {
        return await network.dial(status.ip || (loopback ? '127.0.0.1' : network.nodeAddress), port)
      } catch (error) {
        // Port-forward reaches what listens on the pod's loopback only, which no address from outside does.
        const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
        if (!loopback || !refused || !status.ip || !isHere || !pid) throw error
        return dialLoopback(pid, port, deps)
      }
    },
    async stats() {
      const at = clock.now()
      const alive = (await view.containers()).filter(({ state }) => state === 'running')
      const counted = alive.map(async ({ id: containerId, sandboxId }) => {
        const usage = cgroups
          ? cgroups.usage(sandboxId, groupOf(containerId))
          : await usageOf(connection.engine.getContainer(containerId))
        return usage ? [{ containerId, sandboxId, at, ...usage }] : []
      })
      return (await Promise.all(counted)).flat()
    },
    async networkStats() {
      if (!isHere) return []
      const at = clock.now()
      return (await view.sandboxes()).flatMap(({ pid, status }) => {
        const interfaces = pid && status.ip ? trafficOf(pid) : undefined
        return interfaces ? [{ sandboxId: status.id, at, interfaces }] : []
      })
    },
    async writtenBytes(id) {
      const found = await unlessGone(engine.getContainer(id).inspect({ size: !isHere } as object))
      const layer = (found?.GraphDriver.Data as { UpperDir?: string } | undefined)?.UpperDir
      if (isHere && layer) return directorySize(layer)
      return { bytes: (found as { SizeRw?: number } | undefined)?.SizeRw ?? 0, files: 0 }
    },

    /** Pods go on: they are the engine's. */
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  }
}

const limitSentences = ({ isHere, cgroups }: { isHere: boolean; cgroups: boolean }): string[] => [
  ...(isHere
    ? []
    : [
        'Only ports that a pod declares are reached from outside of the engine, and cluster IPs and names of Services are not served to pods in it.',
      ]),
  ...(cgroups ? [] : ['Limits hold for each container, not for a pod as a whole.']),
]

/** Commands have a session of their own. */
function endGroup(pid: number): void {
  if (pid <= 0) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
