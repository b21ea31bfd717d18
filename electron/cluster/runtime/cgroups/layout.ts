import { existsSync, readdirSync } from 'node:fs'
import path from 'node:path'

/** Where the control groups of this machine are: by controller in version 1, all in one tree in version 2. */
export interface Layout {
  memory: string
  cpu: string
  cpuacct: string
  /** Undefined where the machine has no such controller. */
  pids: string | undefined
  v2: boolean
  /** Trees of version 1 in which nothing is limited here, but container runtimes make groups of the same name. */
  others: readonly string[]
}

export function findLayout(root = '/sys/fs/cgroup'): Layout | undefined {
  if (existsSync(path.join(root, 'cgroup.controllers')))
    return { memory: root, cpu: root, cpuacct: root, pids: root, v2: true, others: [] }
  const controller = (...names: string[]) =>
    names.map((entry) => path.join(root, entry)).find((entry) => existsSync(path.join(entry, 'tasks')))
  const memory = controller('memory')
  const cpu = controller('cpu', 'cpu,cpuacct', 'cpuacct,cpu')
  const cpuacct = controller('cpuacct', 'cpu,cpuacct', 'cpuacct,cpu')
  if (!memory || !cpu || !cpuacct) return undefined
  const found = { memory, cpu, cpuacct, pids: controller('pids'), v2: false, others: [] }
  const own = placesOf(found)
  const others = readdirSync(root)
    .map((entry) => path.join(root, entry))
    .filter((tree) => !own.includes(tree) && existsSync(path.join(tree, 'cgroup.procs')))
  return { ...found, others }
}

/** The directories that a group of this name has, one for each tree. */
export const placesOf = ({ memory, cpu, cpuacct, pids }: Layout, ...names: string[]): string[] =>
  [...new Set([memory, cpu, cpuacct, ...(pids ? [pids] : [])])].map((root) => path.join(root, ...names))
