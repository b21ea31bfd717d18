import { existsSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { connectEngine, wordsOf, type EngineInfo } from './connection.ts'

export interface FoundEngine {
  socket: string
  /** Such as "Docker Desktop"; where it listens tells. */
  name: string
  /** Its containers are processes of this machine, and not of a virtual one. */
  isHere: boolean
}

export type DetectedEngine = FoundEngine | { why: string }

interface Candidate {
  name: string
  socket: string
}

/** Where engines listen unless told otherwise, in the order in which they are tried. */
export function usualEngines(platform = process.platform, env = process.env, home = os.homedir()): Candidate[] {
  if (platform === 'win32') {
    return [
      { name: 'Docker Desktop', socket: '//./pipe/docker_engine' },
      { name: 'Podman', socket: '//./pipe/podman-machine-default' },
    ]
  }
  const inHome = (name: string, ...parts: string[]) => ({ name, socket: path.join(home, ...parts) })
  const system = [
    { name: 'Docker', socket: '/var/run/docker.sock' },
    { name: 'Podman', socket: '/run/podman/podman.sock' },
  ]
  const runtimeDirectory = env['XDG_RUNTIME_DIR']
  const own = [
    inHome('Docker Desktop', '.docker', 'run', 'docker.sock'),
    inHome('Docker Desktop', '.docker', 'desktop', 'docker.sock'),
    inHome('Colima', '.colima', 'default', 'docker.sock'),
    inHome('Rancher Desktop', '.rd', 'docker.sock'),
    ...(platform === 'darwin'
      ? [inHome('Podman', '.local', 'share', 'containers', 'podman', 'machine', 'podman.sock')]
      : []),
    ...(runtimeDirectory
      ? [
          { name: 'Docker', socket: path.join(runtimeDirectory, 'docker.sock') },
          { name: 'Podman', socket: path.join(runtimeDirectory, 'podman', 'podman.sock') },
        ]
      : []),
  ]
  // On macOS the usual path may be a link that an engine which is gone has left.
  return platform === 'darwin' ? [...own, ...system] : [...system, ...own]
}

/**
 * An engine that answers: at the socket that was given (a path, or a URL of unix or npipe), else at the one that DOCKER_HOST
 * names, else at a usual one. Never rejects.
 */
export async function detectEngine(given?: string, env = process.env): Promise<DetectedEngine> {
  const variable = env['DOCKER_HOST']
  const named = given ?? (variable || undefined)
  if (named !== undefined && /^(tcp|ssh|https?|fd):/.test(named)) {
    const told = given === undefined ? ' that DOCKER_HOST names' : ''
    return {
      why: `the engine${told} at ${named} is another machine's, whose containers cannot be shown volumes of this one`,
    }
  }
  const candidates =
    named === undefined
      ? usualEngines(process.platform, env)
      : [{ name: 'the engine', socket: named.replace(/^(unix|npipe):(\/\/)?/, '') }]
  const problems: string[] = []
  for (const candidate of candidates.filter(({ socket }) => isThere(socket))) {
    const found = await tryOut(candidate)
    if ('socket' in found) return found
    problems.push(found.why)
  }
  const places = candidates.map(({ socket }) => socket).join(', ')
  return { why: problems.length ? problems.join('; ') : `there is no container engine at ${places}` }
}

/** Pipes of Windows are no files. */
const isThere = (socket: string): boolean => socket.startsWith('//./pipe/') || existsSync(socket)

async function tryOut({ name, socket }: Candidate): Promise<DetectedEngine> {
  try {
    const info = (await connectEngine(socket, patience).engine.info()) as EngineInfo
    if (info.OSType !== 'linux')
      return {
        why: `${name} at ${socket} runs containers of ${info.OSType ?? 'another system'}, and pods are of Linux`,
      }
    return { socket, name, isHere: isOfThisMachine(info) }
  } catch (error) {
    return { why: `${name} at ${socket} does not answer: ${wordsOf(error)}` }
  }
}

const patience = 5000

/** A virtual machine has a name and a kernel of its own. */
const isOfThisMachine = ({ Name, KernelVersion }: EngineInfo): boolean =>
  process.platform === 'linux' && Name === os.hostname() && KernelVersion === os.release()
