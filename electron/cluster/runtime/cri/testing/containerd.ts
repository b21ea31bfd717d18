import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import path from 'node:path'
import { systemClock } from '../../../base/clock.ts'
import { CriConnection } from '../connection.ts'
import { detectRuntime } from '../detect.ts'

export interface TestContainerd extends AsyncDisposable {
  socket: string
  /** Kills it and starts it again after `meanwhile`; containers go on. */
  restart(meanwhile?: () => Promise<void>): Promise<void>
  /** Processes that hold its pods: one each. */
  shims(): number[]
}

/** How long one may take to serve, in milliseconds. It takes a second, but on a machine out of breath. */
const patience = 40_000

/** Everything below is of one containerd, which nobody else uses. */
export async function startContainerd(directory: string, pauseImage: string): Promise<TestContainerd> {
  if (!existsSync('/usr/bin/containerd'))
    throw new Error('there is no containerd: on Debian, apt-get install containerd runc containernetworking-plugins')
  const file = (name: string) => path.join(directory, name)
  const socket = file('containerd.sock')
  mkdirSync(directory, { recursive: true })
  writeFileSync(file('config.toml'), configuration(file, socket, pauseImage))

  const start = async () => {
    const log = file('containerd.log')
    const child = spawn('sh', ['-c', `exec containerd --config ${file('config.toml')} >> ${log} 2>&1`], {
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    for (const end = systemClock.monotonic() + patience; ;) {
      const found = await detectRuntime(systemClock, socket)
      if ('socket' in found) return { child, ended }
      const hasEnded = child.exitCode !== null || child.signalCode !== null
      if (hasEnded || systemClock.monotonic() > end) {
        child.kill('SIGKILL')
        await ended
        const why = hasEnded ? 'containerd ended' : found.why
        throw new Error(`${why}: ${readFileSync(log, 'utf8').slice(-2000)}`)
      }
      await systemClock.sleep(50)
    }
  }
  let running = await start()
  const kill = async (signal: NodeJS.Signals) => {
    running.child.kill(signal)
    await running.ended
  }
  return {
    socket,
    async restart(meanwhile) {
      await kill('SIGKILL')
      try {
        await meanwhile?.()
      } finally {
        running = await start()
      }
    },
    shims: () => shimsOf(socket),
    async [Symbol.asyncDispose]() {
      try {
        await removeSandboxes(socket)
      } finally {
        await kill('SIGTERM')
        rmSync(directory, { recursive: true, force: true })
      }
    },
  }
}

/** What a test that failed has left. */
async function removeSandboxes(socket: string): Promise<void> {
  using cri = new CriConnection(socket, systemClock)
  const { items } = await cri.call('ListPodSandbox', { filter: { label_selector: {} } })
  for (const { id: pod_sandbox_id } of items) {
    await cri.call('StopPodSandbox', { pod_sandbox_id })
    await cri.call('RemovePodSandbox', { pod_sandbox_id })
  }
}

const shimsOf = (socket: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const line = readFileSync(`/proc/${name}/cmdline`, 'utf8')
        return line.includes('containerd-shim') && line.includes(socket)
      } catch {
        return false
      }
    })
    .map(Number)

const configuration = (file: (name: string) => string, socket: string, pauseImage: string): string => `version = 2
root = "${file('root')}"
state = "${file('state')}"
temp = "${file('temp')}"
disabled_plugins = ["io.containerd.internal.v1.opt"]
[grpc]
  address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = "${pauseImage}"
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${file('cni')}"
`
