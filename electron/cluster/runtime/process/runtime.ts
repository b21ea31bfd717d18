import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import { directorySize } from '../../base/directory-size.ts'
import type { Logger } from '../../base/logger.ts'
import type { Random } from '../../base/random.ts'
import type { GuardedPodNetwork, PodAttachment } from '../../network/api.ts'
import { dialTcp } from '../../network/pod-network/dial.ts'
import type { ContainerConfig, ContainerStatus, ExecSession, Resources, Runtime, SandboxConfig } from '../api.ts'
import { openCgroups } from '../cgroups/cgroups.ts'
import { etcFiles } from '../etc.ts'
import { EventFan } from '../event-fan.ts'
import { relayStream } from '../relay.ts'
import { runToEnd } from '../run-to-end.ts'
import { SampleImages } from './images/samples.ts'
import { Images, type Image } from './images/service.ts'
import { namesOf } from './images/store.ts'
import { StartError, type Isolation, type Launch, type Launcher, type Subject } from './isolation/isolation.ts'
import { filterOf, whyUnfiltered } from './isolation/seccomp.ts'
import type { Pulled } from './pulled.ts'
import { placeMounts } from './place-mounts.ts'
import { imagesOf, type SandboxRecord } from './records.ts'
import { Sandbox, type Container } from './sandbox.ts'
import { endShim, spawnShim } from './shim-client.ts'
import type { ContainerRun, ContainerStart } from './shim/protocol.ts'
import { containerStats, networkStats } from './statistics.ts'
import { holdProcesses } from './shared-processes.ts'
import { memoryLauncher, releaseCommands, releaseMemory } from './shared-memory.ts'
import { setSysctls } from './sysctls.ts'

export interface ProcessRuntimeDeps {
  clock: Clock
  random: Random
  logger: Logger
  /** State that outlives the agent: records, roots of containers. */
  directory: string
  /** Sockets: a short path. */
  runDirectory: string
  /** The built sample images, `<name>/image.json` each. */
  imagesDirectory: string
  network: GuardedPodNetwork
  /** Socket that is open while the cluster lives. */
  lifeline: string
  /** The bundled shim. */
  shimEntry: string
  nodeBinary: string
  isolation: Isolation
  pulled: Pulled
}

const version = 'wheelhouse-process://0.1.0'
const startErrorCode = 128

/** Containers as processes of this machine, isolated as well as it allows; re-adopts what an earlier agent left running. */
export async function createProcessRuntime(deps: ProcessRuntimeDeps): Promise<Runtime> {
  const { clock, random, logger, network, isolation } = deps
  const podsDirectory = path.join(deps.directory, 'pods')
  mkdirSync(podsDirectory, { recursive: true, mode: 0o700 })
  mkdirSync(deps.runDirectory, { recursive: true, mode: 0o700 })
  const { pulled } = deps
  const images = new Images(new SampleImages(deps.imagesDirectory), 'why' in pulled ? pulled : pulled.store)
  const cgroups = isolation.controlled ? openCgroups(deps.directory, clock) : undefined
  const events = new EventFan<{ sandboxId: string; containerId?: string }>()
  const sandboxes = new Map<string, Sandbox>()
  const onChange = (sandboxId: string, containerId?: string) =>
    events.send({ sandboxId, ...(containerId === undefined ? {} : { containerId }) })
  /** Pods have namespaces that their containers share. */
  const sharesNamespaces = isolation.kind !== 'none' && process.getuid?.() === 0
  /** Why system calls are not filtered. */
  const unfiltered = isolation.kind === 'none' ? 'containers are not isolated' : whyUnfiltered()
  const memoryOf = (sandboxId: string) => path.join(deps.runDirectory, `${sandboxId.slice(0, 16)}.memory`)
  const newId = () => (random.uuid() + random.uuid()).replaceAll('-', '')

  await adopt()
  const using =
    'why' in pulled
      ? undefined
      : pulled.store.addUser(() =>
          [...sandboxes.values()].flatMap(({ containers }) =>
            [...containers.values()].flatMap(({ record }) => imagesOf(record)),
          ),
        )

  async function adopt(): Promise<void> {
    for (const name of readdirSync(podsDirectory)) {
      const directory = path.join(podsDirectory, name)
      const sandbox = Sandbox.read(directory, clock, onChange)
      if (sandbox) {
        sandboxes.set(sandbox.record.id, sandbox)
        continue
      }
      // The agent died while it made this pod.
      await endShim(directory)
      await releaseMemory(memoryOf(name))
      rmSync(directory, { recursive: true, force: true })
    }
    await Promise.all([...sandboxes.values()].map((sandbox) => sandbox.connect()))
    const left = [...sandboxes.values()].filter(({ shim, record }) => !shim && !record.stopped)
    await Promise.all(left.map(({ record }) => releaseMemory(record.memory)))
    await cgroups?.retain(new Set([...sandboxes.values()].filter(({ shim }) => shim).map(({ record }) => record.id)))
    await network.retain([...sandboxes.values()].filter(({ shim }) => shim).map(({ record }) => record.id))
    for (const { shim, record } of sandboxes.values())
      if (shim && record.ip) await network.expose?.(record.id, record.ip, record.config)
    const adopted = [...sandboxes.values()].filter(({ shim }) => shim).length
    if (sandboxes.size) logger.info('found pods of an earlier run', { pods: sandboxes.size, alive: adopted })
  }

  const sandboxOf = (id: string): Sandbox => {
    const sandbox = sandboxes.get(id)
    if (!sandbox) throw new Error(`there is no sandbox ${id}`)
    return sandbox
  }

  const find = (id: string): { sandbox: Sandbox; container: Container } | undefined => {
    for (const sandbox of sandboxes.values()) {
      const container = sandbox.containers.get(id)
      if (container) return { sandbox, container }
    }
    return undefined
  }

  const get = (id: string) => {
    const found = find(id)
    if (!found) throw new Error(`there is no container ${id}`)
    return found
  }

  const running = (id: string) => {
    const found = get(id)
    const { run } = found.container
    if (run?.state !== 'running' || !found.sandbox.shim)
      throw new Error(`container ${found.container.record.config.name} is not running`)
    return { ...found, pid: run.pid, shim: found.sandbox.shim }
  }

  /** What has to do with its kind of image. */
  const subjectOf = async (sandbox: Sandbox, container: Container, processes?: string) => {
    const { record } = container
    const image = images.find(record.imageId) ?? images.find(record.config.image)
    if (!image) throw new StartError(`image "${record.config.image}" is no longer present`)
    const place = sandbox.place(record.id)
    container.placed ??= await placeMounts(record.config.mounts, {
      find: (name) => images.find(name),
      snapshots: 'why' in pulled ? undefined : pulled.store.snapshots,
      directory: place.volumes,
      propagates: image.kind === 'pulled',
    })
    const common = {
      sandbox: sandbox.record,
      container: record,
      place,
      ...container.placed,
      ...(processes ? { processes } : {}),
    }
    const bound = <I extends Image>(launcher: Launcher<I>, subject: Subject<I>) => ({
      image: subject.image,
      launch: (cgroup: Subject['cgroup']): Launch | Promise<Launch> =>
        launcher.launch({ ...subject, ...(cgroup ? { cgroup } : {}) }),
      enter: (pid: number, command: readonly string[], options: { tty: boolean; stdin: boolean }) =>
        launcher.enter(subject, pid, command, options),
    })
    if (image.kind === 'sample') return bound(isolation, { ...common, image })
    if ('why' in pulled) throw new StartError(pulled.why)
    return bound(pulled.launcher, { ...common, image })
  }

  /** The pid namespace that a container is to share. */
  function processesOf(sandbox: Sandbox, { targetContainerId }: ContainerConfig): string | undefined {
    if (!sharesNamespaces || sandbox.record.config.hostPid) return undefined
    return targetContainerId ? `/proc/${running(targetContainerId).pid}/ns/pid` : sandbox.record.processes
  }

  async function runSandbox(config: SandboxConfig, signal?: AbortSignal): Promise<string> {
    signal?.throwIfAborted()
    const { runtimeHandler: handler } = config
    if (handler)
      throw new Error(`failed to get sandbox runtime: no runtime for ${JSON.stringify(handler)} is configured`)
    const id = newId()
    const directory = path.join(podsDirectory, id)
    const socket =
      process.platform === 'win32'
        ? `\\\\.\\pipe\\wheelhouse-${id.slice(0, 16)}`
        : path.join(deps.runDirectory, `${id.slice(0, 16)}.sock`)
    mkdirSync(directory, { mode: 0o700 })
    const sharesIpc = sharesNamespaces && !config.hostIpc
    const memory = sharesIpc ? memoryOf(id) : undefined
    const reap = [...(config.hostNetwork ? [] : network.reapCommands(id)), ...(memory ? releaseCommands(memory) : [])]
    if (memory) mkdirSync(memory)
    const attaching: Promise<Partial<PodAttachment>> = config.hostNetwork
      ? Promise.resolve({})
      : network.attach(id, config)
    const starting = spawnShim({
      nodeBinary: deps.nodeBinary,
      shimEntry: deps.shimEntry,
      compileCache: path.join(deps.directory, 'compile-cache'),
      config: { socket, directory, lifeline: deps.lifeline, reap, groups: cgroups?.places(id) ?? [] },
      ...(memory ? { launcher: memoryLauncher(memory) } : {}),
    })
    const [attached, started] = await Promise.allSettled([attaching, starting])
    const record: SandboxRecord = {
      id,
      config,
      ip: '',
      socket,
      createdAt: clock.now(),
      stopped: false,
      sharesIpc,
      ...(memory ? { memory } : {}),
    }
    const sandbox = new Sandbox(record, directory, clock, onChange)
    try {
      if (attached.status === 'rejected') throw attached.reason
      if (started.status === 'rejected') throw started.reason
      const { ip = '', namespace, reportSocket } = attached.value
      sandbox.record = { ...record, ip, ...(namespace ? { namespace } : {}), ...(reportSocket ? { reportSocket } : {}) }
      const ipc = sharesIpc ? `/proc/${started.value}/ns/ipc` : undefined
      if (config.sysctls) await setSysctls(config.sysctls, { net: namespace, ipc })
      for (const [name, content] of Object.entries(etcFiles(config, ip)))
        writeFileSync(path.join(directory, name), content)
      sandbox.save()
      cgroups?.createPod(id, config.resources)
      if (ip) await network.expose?.(id, ip, config)
      await sandbox.connect()
      signal?.throwIfAborted()
      if (!sandbox.shim) throw new Error("the pod's shim ended while starting")
      if (config.sharePid && sharesNamespaces) {
        sandbox.record = { ...sandbox.record, processes: await holdProcesses(sandbox.shim, clock) }
        sandbox.save()
      }
    } catch (error) {
      await endSandbox(sandbox)
      rmSync(directory, { recursive: true, force: true })
      throw error
    }
    sandboxes.set(id, sandbox)
    onChange(id)
    return id
  }

  /** Ends processes, network and control groups; records stay. */
  async function endSandbox(sandbox: Sandbox): Promise<void> {
    const { shim, record } = sandbox
    if (shim) {
      await shim.call({ op: 'shutdown' }).catch(() => {})
      await shim[Symbol.asyncDispose]()
    }
    if (!record.config.hostNetwork) await network.detach(record.id)
    await releaseMemory(sandbox.record.memory)
    for (const id of sandbox.containers.keys()) await cgroups?.remove(record.id, id)
    await cgroups?.remove(record.id)
    if (process.platform !== 'win32') rmSync(record.socket, { force: true })
  }

  async function stopSandbox(id: string): Promise<void> {
    const sandbox = sandboxes.get(id)
    if (!sandbox || sandbox.record.stopped) return
    await endSandbox(sandbox)
    sandbox.record = { ...sandbox.record, stopped: true }
    sandbox.save()
    onChange(id)
  }

  /** Where no profile can be enforced, the runtime's own is no condition; one that somebody has written is. */
  async function filterFor(config: ContainerConfig): Promise<Buffer | undefined> {
    const filter = await filterOf(config)
    if (!filter || unfiltered === undefined) return filter
    if (config.seccomp !== 'RuntimeDefault')
      throw new Error(`seccomp profiles are not enforced on this node: ${unfiltered}`)
    return undefined
  }

  async function startContainer(id: string): Promise<void> {
    const { sandbox, container } = get(id)
    const { record } = container
    if (container.run) throw new Error(`container ${record.config.name} has been started before`)
    if (!sandbox.shim) throw new Error(`the sandbox of container ${record.config.name} is not ready`)
    try {
      const processes = processesOf(sandbox, record.config)
      if (processes) mkdirSync(sandbox.place(id).proc)
      const subject = await subjectOf(sandbox, container, processes)
      const cgroup = cgroups?.create(sandbox.record.id, id, record.config.resources)
      const launch = await subject.launch(cgroup)
      if (launch.user) sandbox.change(id, { user: launch.user })
      const start: ContainerStart = {
        id,
        program: launch.program,
        stdinOnce: record.config.stdinOnce,
        logPath: record.logPath,
        stopSignal: subject.image.stopSignal,
        ...(launch.status ? { status: launch.status } : {}),
        group: launch.group,
        ...(cgroup ? { oomFile: cgroup.oomFile } : {}),
        cgroups: cgroup?.join.map((file) => path.dirname(file)) ?? [],
      }
      const started = await sandbox.shim.call<ContainerRun>({ op: 'start', start })
      // The report of an exit may come in the same chunk as this answer, and is the newer of the two.
      container.run ??= started
    } catch (error) {
      if (container.run) throw error
      const now = clock.now()
      const fault = {
        exitCode: startErrorCode,
        reason: error instanceof StartError ? 'StartError' : 'ContainerCannotRun',
        message: (error as Error).message,
      }
      sandbox.setRun({ id, state: 'exited', pid: 0, startedAt: 0, finishedAt: now, ...fault })
      throw error
    }
    if (container.run.reason === 'StartError') throw new StartError(container.run.message)
  }

  function updateContainer(id: string, resources: Resources): void {
    const { sandbox, container } = get(id)
    cgroups?.update(resources, sandbox.record.id, id)
    sandbox.change(id, { config: { ...container.record.config, resources } })
  }

  function updateSandbox(id: string, resources: Resources): void {
    const sandbox = sandboxOf(id)
    cgroups?.update(resources, id)
    sandbox.record = { ...sandbox.record, config: { ...sandbox.record.config, resources } }
    sandbox.save()
  }

  async function removeContainer(id: string): Promise<void> {
    const found = find(id)
    if (!found) return
    const { sandbox } = found
    await sandbox.shim?.call({ op: 'forget', id }).catch(() => {})
    await cgroups?.remove(sandbox.record.id, id)
    sandbox.forget(id)
  }

  async function exec(
    id: string,
    command: readonly string[],
    options: { tty: boolean; stdin: boolean },
  ): Promise<ExecSession> {
    const { sandbox, container, pid, shim } = running(id)
    const program = (await subjectOf(sandbox, container)).enter(pid, command, options)
    const joins = cgroups?.find(sandbox.record.id, id).join ?? []
    return shim.stream({ op: 'exec', program, cgroups: joins }, options)
  }

  async function dial(sandboxId: string, port: number, { loopback = false } = {}): Promise<Duplex> {
    const { record, shim } = sandboxOf(sandboxId)
    if (!record.ip) return loopback ? dialTcp('127.0.0.1', port) : network.dial(network.nodeAddress, port)
    try {
      return await network.dial(record.ip, port)
    } catch (error) {
      // Port-forward reaches what listens on the pod's loopback only, which no address from outside does.
      const refused = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED'
      if (!loopback || !refused) throw error
      const place = network.loopback?.(sandboxId, port)
      if (place) return dialTcp('127.0.0.1', place.port)
      if (!record.namespace || !shim) throw error
      const argv = [
        'nsenter',
        `--net=${record.namespace}`,
        '--',
        deps.nodeBinary,
        deps.shimEntry,
        '--dial',
        String(port),
      ]
      const env = { PATH: process.env['PATH'] ?? '' }
      const session = await shim.stream(
        { op: 'exec', program: { argv, env, cwd: '/', tty: false, stdin: true }, cgroups: [] },
        { tty: false, stdin: true },
      )
      return relayStream(session)
    }
  }

  const statusOf = ({ record, run }: Container): ContainerStatus => ({
    id: record.id,
    sandboxId: record.sandboxId,
    name: record.config.name,
    attempt: record.config.attempt,
    image: record.imageName ?? record.config.image,
    imageId: record.imageId,
    ...(record.imageRef === undefined ? {} : { imageRef: record.imageRef }),
    state: run ? run.state : 'created',
    createdAt: record.createdAt,
    startedAt: run?.startedAt ?? 0,
    finishedAt: run?.finishedAt ?? 0,
    exitCode: run?.exitCode ?? 0,
    ...(run?.signal === undefined ? {} : { signal: run.signal }),
    reason: run?.reason ?? '',
    message: run?.message ?? '',
    logPath: record.logPath,
    resources: record.config.resources ?? {},
    ...(record.user ? { user: record.user } : {}),
  })

  const limits = [
    ...isolation.limits,
    ...network.limits,
    ...(cgroups || !isolation.controlled
      ? []
      : ['CPU and memory limits are not enforced: this process may not write control groups.']),
    ...(unfiltered === undefined || isolation.kind === 'none'
      ? []
      : [`Seccomp profiles are not enforced: ${unfiltered}.`]),
    ...(isolation.kind === 'none' || sharesNamespaces
      ? []
      : ['Pods with shareProcessNamespace get a process namespace for each container.']),
  ]

  return {
    version,
    limits,
    features: { supplementalGroupsPolicy: true },
    recursiveReadOnly: isolation.kind !== 'none',
    images,
    runSandbox,
    stopSandbox,
    async removeSandbox(id) {
      const sandbox = sandboxes.get(id)
      if (!sandbox) return
      await stopSandbox(id)
      sandboxes.delete(id)
      rmSync(sandbox.directory, { recursive: true, force: true })
      onChange(id)
    },
    sandboxes: () => Promise.resolve([...sandboxes.values()].map((sandbox) => sandbox.status())),

    async createContainer(sandboxId, config: ContainerConfig) {
      const sandbox = sandboxOf(sandboxId)
      const image = images.find(config.image)
      if (!image) throw new Error(`image "${config.image}" is not present`)
      const filter = await filterFor(config)
      const id = newId()
      if (filter) writeFileSync(sandbox.place(id).filterFile, filter, { mode: 0o600 })
      const logPath = path.join(sandbox.record.config.logDirectory, config.logPath)
      const named = image.kind === 'pulled' ? namesOf(image.stored, config.image) : {}
      const filtered = filter ? { filtered: true } : {}
      sandbox.add({ id, sandboxId, config, imageId: image.id, ...named, ...filtered, createdAt: clock.now(), logPath })
      return id
    },
    startContainer,
    async stopContainer(id, graceSeconds) {
      const found = find(id)
      if (found?.container.run?.state !== 'running') return
      await found.sandbox.shim?.call({ op: 'stop', id, graceMs: graceSeconds * 1000 }).catch(() => {})
    },
    removeContainer,
    updateContainer: async (id, resources) => updateContainer(id, resources),
    updateSandbox: async (id, resources) => updateSandbox(id, resources),
    containers: () =>
      Promise.resolve([...sandboxes.values()].flatMap(({ containers }) => [...containers.values()].map(statusOf))),
    containerStatus: (id) => Promise.resolve(find(id)?.container).then((container) => container && statusOf(container)),
    events: (signal) => events.subscribe(signal),

    exec,
    execSync: async (id, command, timeoutMs) =>
      runToEnd(await exec(id, command, { tty: false, stdin: false }), timeoutMs, clock),
    async attach(id, options) {
      const { shim, container } = running(id)
      const session = await shim.stream(
        { op: 'attach', id, stdin: options.stdin },
        { ...options, tty: container.record.config.tty },
      )
      return { ...session, exit: session.exit.catch(() => 0) }
    },
    dial,
    stats: async () => containerStats(sandboxes.values(), cgroups, clock.now()),
    networkStats: async () => networkStats(sandboxes.values(), clock.now()),
    async writtenBytes(id) {
      const { sandbox, container } = get(id)
      const all = await directorySize(sandbox.place(id).root)
      const image = await images.copied(container.record.imageId)
      // A container may have taken away what its image brought.
      return { bytes: Math.max(0, all.bytes - image.bytes), files: Math.max(0, all.files - image.files) }
    },

    /** Pods go on: their shims end them when the cluster's lifeline does. */
    async [Symbol.asyncDispose]() {
      using?.[Symbol.dispose]()
      events.end()
      for (const sandbox of sandboxes.values()) {
        const { shim } = sandbox
        sandbox.shim = undefined
        await shim?.[Symbol.asyncDispose]()
      }
    },
  }
}
