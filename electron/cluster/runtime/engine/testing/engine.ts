import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { Disposer } from '../../../base/dispose.ts'
import { startContainerd, type TestContainerd } from '../../cri/testing/containerd.ts'
import { connectEngine } from '../connection.ts'
import { detectEngine } from '../detect.ts'

export interface TestEngine extends AsyncDisposable {
  socket: string
  /** Kills it and starts it again after `meanwhile`. */
  restart(meanwhile?: () => Promise<void>): Promise<void>
}

export type EngineKind = 'docker' | 'podman'

/** How long one may take to serve, in milliseconds. It takes two seconds, but on a machine out of breath. */
const patience = 40_000

/** Everything below is of one engine, which nobody else uses. `registries`: hosts that are spoken to over plain HTTP. */
export async function startEngine(
  kind: EngineKind,
  directory: string,
  { registries = [] }: { registries?: readonly string[] } = {},
): Promise<TestEngine> {
  const binary = kind === 'docker' ? 'dockerd' : 'podman'
  if (!['/usr/bin', '/usr/sbin'].some((folder) => existsSync(path.join(folder, binary))))
    throw new Error(`there is no ${binary}: on Debian, apt-get install ${kind === 'docker' ? 'docker.io' : 'podman'}`)
  const file = (name: string) => path.join(directory, name)
  const socket = file('engine.sock')
  mkdirSync(directory, { recursive: true })
  const owned = new Disposer()
  owned.defer(() => rmSync(directory, { recursive: true, force: true }))
  const groups = absentGroups()
  owned.defer(() => groups.forEach(removeGroup))
  // Podman leaves mounts of its own.
  owned.defer(() => unmountBelow(directory))
  const { args, env } =
    kind === 'docker'
      ? dockerd(file, socket, owned.own(await startContainerd(file('containerd'), 'none')))
      : podman(file, socket, registries)

  const start = async () => {
    const log = file('log')
    const child = spawn('sh', ['-c', `exec "$0" "$@" >> ${log} 2>&1`, binary, ...args], {
      stdio: 'ignore',
      env: { ...process.env, ...env },
      detached: true,
    })
    const gone = once(child, 'exit')
    for (const end = systemClock.monotonic() + patience; ;) {
      const found = await detectEngine(socket)
      if ('socket' in found) return { child, gone }
      const hasEnded = child.exitCode !== null || child.signalCode !== null
      if (hasEnded || systemClock.monotonic() > end) {
        child.kill('SIGKILL')
        await gone
        const why = hasEnded ? `${binary} ended` : found.why
        throw new Error(`${why}: ${readFileSync(log, 'utf8').slice(-2000)}`)
      }
      await systemClock.sleep(50)
    }
  }
  let running = await start().catch(async (error: unknown) => {
    await owned[Symbol.asyncDispose]()
    throw error
  })
  const kill = async (signal: NodeJS.Signals) => {
    running.child.kill(signal)
    await running.gone
  }
  return {
    socket,
    async restart(meanwhile) {
      await kill('SIGKILL')
      // Whoever is killed leaves it, and refuses to start where it names another process.
      rmSync(file('pid'), { force: true })
      try {
        await meanwhile?.()
      } finally {
        running = await start()
      }
    },
    async [Symbol.asyncDispose]() {
      try {
        if (running.child.exitCode !== null || running.child.signalCode !== null) running = await start()
        await removeContainers(socket)
      } finally {
        await kill('SIGTERM')
        await owned[Symbol.asyncDispose]()
      }
    },
  }
}

/** Control groups in which engines make those of their containers, and which they leave, as far as nobody has them. */
const absentGroups = (): string[] =>
  ['', ...readdirSync(cgroups)]
    .flatMap((tree) => ['docker', 'libpod_parent'].map((name) => path.join(cgroups, tree, name)))
    .filter((group) => !existsSync(group))
const cgroups = '/sys/fs/cgroup'

function removeGroup(group: string): void {
  try {
    rmdirSync(group)
  } catch {
    // It was not made, or others use it by now.
  }
}

/** The last of them goes first. */
function unmountBelow(directory: string): void {
  const places = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
  for (const place of places.filter((each) => each.startsWith(`${directory}/`)).reverse()) spawnSync('umount', [place])
}

/** What a test that failed has left. */
async function removeContainers(socket: string): Promise<void> {
  const { engine } = connectEngine(socket)
  // Podman keeps what others depend on: the youngest go first.
  for (const { Id } of await engine.listContainers({ all: true }))
    await engine
      .getContainer(Id)
      .remove({ force: true, v: true })
      .catch(() => {})
}

/** Containers go on while it is away: they are those of a containerd of its own. */
const dockerd = (file: (name: string) => string, socket: string, containerd: TestContainerd) => {
  writeFileSync(file('daemon.json'), '{}')
  const paths = { 'config-file': 'daemon.json', 'data-root': 'data', 'exec-root': 'exec', pidfile: 'pid' }
  return {
    args: [
      ...Object.entries(paths).map(([flag, name]) => `--${flag}=${file(name)}`),
      `--host=unix://${socket}`,
      `--containerd=${containerd.socket}`,
      '--group=root',
      '--live-restore',
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      '--ip-forward=false',
      '--ip-masq=false',
    ],
    env: {},
  }
}

/** Without the limits that it raises for containers: a machine may not let it. */
const podman = (file: (name: string) => string, socket: string, registries: readonly string[]) => {
  writeFileSync(
    file('containers.conf'),
    '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nruntime = "runc"\n',
  )
  const insecure = registries.map((host) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`)
  writeFileSync(file('registries.conf'), insecure.join(''))
  writeFileSync(
    file('storage.conf'),
    `[storage]\ndriver = "overlay"\ngraphroot = "${file('root')}"\nrunroot = "${file('run')}"\n`,
  )
  const paths = { root: 'root', runroot: 'run', tmpdir: 'tmp', 'network-config-dir': 'networks' }
  return {
    args: [
      ...Object.entries(paths).map(([flag, name]) => `--${flag}=${file(name)}`),
      '--storage-driver=overlay',
      '--cgroup-manager=cgroupfs',
      '--events-backend=file',
      'system',
      'service',
      '--time=0',
      `unix://${socket}`,
    ],
    env: {
      CONTAINERS_CONF: file('containers.conf'),
      CONTAINERS_REGISTRIES_CONF: file('registries.conf'),
      CONTAINERS_STORAGE_CONF: file('storage.conf'),
    },
  }
}
