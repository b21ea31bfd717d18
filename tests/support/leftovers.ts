import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { runDirectory } from '../../electron/cluster/options.ts'
import { tableName } from '../../electron/cluster/network/nftables/table.ts'
import { bridgeName, networkHash } from '../../electron/cluster/network/pod-network/names.ts'

/** Processes of the cluster whose data lies here: its own, its agent's, shims, and containers, which see it as mounts. Linux. */
export function processesOf(data: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(
      (name) =>
        ['cmdline', 'mountinfo', 'environ'].some((file) => mentions(`/proc/${name}/${file}`, data)) ||
        hasOpen(name, data),
    )
    .map(Number)
}

const mentions = (file: string, text: string): boolean => {
  try {
    return readFileSync(file, 'utf8').includes(text)
  } catch {
    return false
  }
}

/** The agent is told what it works for, and shows it only by the log that it writes. */
const hasOpen = (pid: string, folder: string): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith(folder))
  } catch {
    return false
  }
}

/** What a cluster that has been stopped should not have left on this machine outside its data directory; one line each. Linux. */
export function leftovers(data: string): string[] {
  const digest = createHash('sha256').update(data).digest('hex')
  const run = runDirectory(data, digest)
  // Others than root have theirs elsewhere.
  const runs = new Set([run, path.join(os.tmpdir(), path.basename(run))])
  const nodes = ['wheelhouse', 'wheelhouse-2', 'wheelhouse-cri', 'wheelhouse-engine'].map((node) =>
    networkHash(`${digest.slice(0, 16)}-${node}`),
  )
  const tables = [
    ...nodes.map((node) => `wheelhouse_${node}`),
    ...(['services', 'policies'] as const).map((each) => tableName(digest.slice(0, 16), each)),
  ]
  const cgroups = '/sys/fs/cgroup'
  const groups = [
    'nodes/wheelhouse/runtime',
    'nodes/wheelhouse-2/runtime',
    'nodes/wheelhouse-cri/runtime/pods',
    'nodes/wheelhouse-engine/runtime',
  ].flatMap((runtime) => {
    const hash = createHash('sha256').update(path.join(data, runtime)).digest('hex')
    return ['', ...readdirSync(cgroups)].map((name) => path.join(cgroups, name, `wheelhouse-${hash.slice(0, 10)}`))
  })
  return [
    ...processesOf(data).map((pid) => `process ${pid}: ${commandLine(pid)}`),
    ...lines('ip', 'netns', 'list')
      .filter((line) => nodes.some((node) => line.startsWith(`wh-${node}-`)))
      .map((line) => `network namespace ${line}`),
    ...readdirSync('/sys/class/net')
      .filter((name) => nodes.some((node) => name === bridgeName(node) || name.startsWith(`w${node.slice(0, 4)}`)))
      .map((name) => `network interface ${name}`),
    ...lines('nft', 'list', 'tables')
      .filter((line) => tables.some((table) => line.endsWith(table)))
      .map((line) => `nft ${line}`),
    ...[...runs, ...groups].filter((folder) => existsSync(folder)).map((folder) => `folder ${folder}`),
    ...lines('cat', '/proc/self/mountinfo')
      .filter((line) => line.includes(data))
      .map((line) => `mount ${line}`),
  ]
}

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return '(ended meanwhile)'
  }
}

const lines = (command: string, ...args: string[]): string[] => {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .split('\n')
      .filter(Boolean)
  } catch {
    return []
  }
}
