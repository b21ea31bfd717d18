import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'

/** Thrown when the lock is held. */
export class LockHeldError extends Error {
  readonly pid: number
  constructor(path: string, pid: number) {
    super(`${path} is held by process ${pid}`)
    this.name = 'LockHeldError'
    this.pid = pid
  }
}

interface Holder {
  pid: number
  /** When the process started, where the system tells: a pid alone may have passed on to another process since. */
  started?: string | undefined
}

/** Locks that this very process holds: its own pid in a file may also come from an earlier life in a container. */
const heldHere = new Set<string>()

/** Takes the lock file, also from a process that died with it. Throws LockHeldError, or what the file system says. */
export function acquireLock(path: string): Disposable {
  const own = `${path}.${process.pid}`
  writeFileSync(own, JSON.stringify({ pid: process.pid, started: startOf(process.pid) } satisfies Holder))
  try {
    // A link appears with its content and only where nothing was, which creating and then writing a file cannot promise.
    while (!tryLink(own, path)) removeStale(path)
  } finally {
    rmSync(own, { force: true })
  }
  heldHere.add(path)
  return {
    [Symbol.dispose]: () => {
      if (heldHere.delete(path)) rmSync(path, { force: true })
    },
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function removeStale(path: string): void {
  const found = read(path)
  if (found && isAlive(found, path)) throw new LockHeldError(path, found.pid)
  // Another process may be doing the same: only one of them moves the file away, and it checks what it moved.
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = read(aside)
  if (moved && isAlive(moved, path)) tryLink(aside, path)
  rmSync(aside, { force: true })
}

function read(path: string): Holder | undefined {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Holder
    return Number.isInteger(holder.pid) ? holder : undefined
  } catch {
    return undefined
  }
}

function isAlive({ pid, started }: Holder, path: string): boolean {
  if (pid === process.pid) return heldHere.has(path)
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return started === undefined || started === startOf(pid)
}

/** Clock ticks between the boot and the start of the process; undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command, in parentheses, may contain anything; the start is the 20th field behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
