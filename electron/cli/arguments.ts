import path from 'node:path'
import { parseArgs } from 'node:util'
import { defaultOptions, type ClusterOptions } from '../cluster/options.ts'

/** A mistake on the command line: one sentence that names the flag and the cure. */
export class UsageError extends Error {}

export interface ServeOptions {
  host: string
  /** 0: any free port. */
  port: number
  cluster: ClusterOptions
  /** Undefined: the user's own kubeconfigs. */
  contexts: string[] | undefined
}

export interface SnapshotCommand {
  action: 'save' | 'restore'
  file: string
  dataDirectory: string
}

export type Command =
  | { command: 'up'; options: ClusterOptions }
  | { command: 'serve'; options: ServeOptions }
  | { command: 'snapshot'; snapshot: SnapshotCommand }
  | { command: 'version' }
  | { command: 'help' }

export const help = `wheelhouse: Kubernetes on your desk

  up      run the built-in cluster, headless
            --data DIR         where its data lies (default: a directory of yours)
            --port N           port of the API server (default: a free one, remembered)
            --kubeconfig FILE  where the kubeconfig is written (default: DIR/kubeconfig)
            --nodes LIST       such as process=1,simulated=3 (default: process=1); cri=1 for one of containerd or CRI-O,
                               engine=1 for one of Docker, Podman or another Docker-compatible engine
            --cri-socket PATH  where containerd or CRI-O is reached (default: a usual place)
            --engine-socket PATH  where the engine is reached (default: DOCKER_HOST, or the first usual place that answers)
            --simulated-devices N  devices that each simulated node pretends to have, for resource claims (default: 0)
            --store KIND       lmdb (durable, default), memory, or etcd=URL[,URL…], which several servers may share
            --etcd-cafile, --etcd-certfile, --etcd-keyfile FILE   certificates for an etcd at https
            --shutdown-grace LIST  seconds that pods get to end when it stops, by priority: such as 30, or
                               0=20,2000000000=10 (default: a moment for all)
            --bare             the API server and its bootstrap objects only
  serve   show the app in a browser
            --host ADDRESS     loopback address to listen on (default: 127.0.0.1)
            --port N           port of the page (default: a free one)
            --data DIR         data of the built-in cluster
            --contexts FILE…   kubeconfigs to offer (default: yours)
  snapshot save FILE          write the whole cluster, running or stopped, to a file: objects and keys
  snapshot restore FILE       make a data directory of it, for \`up\` to start the same cluster from, with any store
            --data DIR         the cluster's data directory; for restore one that is empty or not there yet
  version print the version
`

const number = (flag: string, text: string | undefined): number => {
  if (text === undefined) return 0
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65535)
    throw new UsageError(`--${flag} takes a port from 0 to 65535, not "${text}".`)
  return value
}

export function parseNodes(text: string): ClusterOptions['nodes'] {
  const nodes = { process: 0, cri: 0, engine: 0, simulated: 0 }
  for (const part of text.split(',')) {
    const match = /^(process|cri|engine|simulated)=(\d{1,5})$/.exec(part.trim())
    if (!match) throw new UsageError(`--nodes takes a list such as process=1,simulated=3, not "${text}".`)
    nodes[match[1] as keyof typeof nodes] = Number(match[2])
  }
  if (nodes.process > 16) throw new UsageError(`--nodes takes at most process=16, not "${text}".`)
  for (const kind of ['cri', 'engine'] as const)
    if (nodes[kind] > 1) throw new UsageError(`--nodes takes at most ${kind}=1, not "${text}".`)
  return nodes
}

/** Priorities with their seconds; seconds alone are everybody's. */
export function parseShutdownGraces(text: string): NonNullable<ClusterOptions['shutdownGraces']> {
  const graces = text.split(',').map((part) => {
    const match = /^(?:(-?\d{1,10})=)?(\d{1,5})$/.exec(part.trim())
    if (!match)
      throw new UsageError(
        `--shutdown-grace takes seconds, or a list of priorities with theirs such as 0=20,2000000000=10, not "${text}".`,
      )
    return { priority: Number(match[1] ?? 0), seconds: Number(match[2]) }
  })
  if (new Set(graces.map(({ priority }) => priority)).size < graces.length)
    throw new UsageError(`--shutdown-grace names each priority once, not as in "${text}".`)
  return graces
}

/** As many as one slice may hold. */
const mostDevices = 128

function parseDevices(text: string): number {
  if (/^\d{1,3}$/.test(text) && Number(text) <= mostDevices) return Number(text)
  throw new UsageError(`--simulated-devices takes a number from 0 to ${mostDevices}, not "${text}".`)
}

type EtcdFiles = Record<'caFile' | 'certFile' | 'keyFile', string | undefined>

export function parseStore(text: string, files: EtcdFiles): ClusterOptions['store'] {
  const given = Object.entries(files).filter(([, file]) => file !== undefined)
  if (!text.startsWith('etcd=')) {
    if (text !== 'lmdb' && text !== 'memory')
      throw new UsageError(`--store takes lmdb, memory or etcd=URL[,URL…], not "${text}".`)
    if (given.length) throw new UsageError('--etcd-cafile, --etcd-certfile and --etcd-keyfile need --store etcd=URL.')
    return text
  }
  const urls = text.slice('etcd='.length).split(',')
  for (const url of urls) {
    if (!/^https?:\/\/[^/]+:\d+$/.test(url))
      throw new UsageError(`--store etcd= takes URLs such as http://127.0.0.1:2379, not "${url}".`)
  }
  if (!files.certFile !== !files.keyFile) throw new UsageError('--etcd-certfile and --etcd-keyfile go together.')
  return { urls, ...Object.fromEntries(given) }
}

/** Reads the arguments after `wheelhouse`. Throws UsageError. */
export function parseCommand(args: readonly string[], cwd: string): Command {
  const [name, ...rest] = args
  if (name === undefined || name === 'help' || args.includes('--help') || args.includes('-h'))
    return { command: 'help' }
  if (name === 'version' || name === '--version') return { command: 'version' }
  if (name === 'up') return { command: 'up', options: parseUp(rest, cwd) }
  if (name === 'serve') return { command: 'serve', options: parseServe(rest, cwd) }
  if (name === 'snapshot') return { command: 'snapshot', snapshot: parseSnapshot(rest, cwd) }
  throw new UsageError(`There is no command "${name}". Commands: up, serve, snapshot, version, --help.`)
}

function parse<T extends NonNullable<Parameters<typeof parseArgs>[0]>['options']>(
  args: string[],
  options: T,
  allowPositionals = false,
) {
  try {
    return parseArgs({ args, options: options!, allowPositionals, strict: true })
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split('. ')[0]}. See --help.`)
  }
}

function parseUp(args: string[], cwd: string): ClusterOptions {
  const { values } = parse(args, {
    data: { type: 'string' },
    port: { type: 'string' },
    kubeconfig: { type: 'string' },
    nodes: { type: 'string' },
    'simulated-devices': { type: 'string' },
    'cri-socket': { type: 'string' },
    'engine-socket': { type: 'string' },
    store: { type: 'string' },
    'etcd-cafile': { type: 'string' },
    'etcd-certfile': { type: 'string' },
    'etcd-keyfile': { type: 'string' },
    'shutdown-grace': { type: 'string' },
    bare: { type: 'boolean' },
  })
  const text = (flag: string) => values[flag] as string | undefined
  const options = defaultOptions(text('data') === undefined ? undefined : path.resolve(cwd, text('data')!))
  const file = (flag: string) => (text(flag) === undefined ? undefined : path.resolve(cwd, text(flag)!))
  const store = parseStore(text('store') ?? 'lmdb', {
    caFile: file('etcd-cafile'),
    certFile: file('etcd-certfile'),
    keyFile: file('etcd-keyfile'),
  })
  return {
    ...options,
    port: number('port', text('port')),
    kubeconfig: text('kubeconfig') === undefined ? options.kubeconfig : path.resolve(cwd, text('kubeconfig')!),
    nodes: text('nodes') === undefined ? options.nodes : parseNodes(text('nodes')!),
    ...(text('simulated-devices') === undefined ? {} : { simulatedDevices: parseDevices(text('simulated-devices')!) }),
    ...(text('cri-socket') === undefined ? {} : { criSocket: text('cri-socket')! }),
    ...(text('engine-socket') === undefined ? {} : { engineSocket: text('engine-socket')! }),
    store,
    ...(text('shutdown-grace') === undefined ? {} : { shutdownGraces: parseShutdownGraces(text('shutdown-grace')!) }),
    bare: values['bare'] === true,
  }
}

function parseSnapshot(args: string[], cwd: string): SnapshotCommand {
  const { values, positionals } = parse(args, { data: { type: 'string' } }, true)
  const [action, file, ...more] = positionals
  if (action !== 'save' && action !== 'restore')
    throw new UsageError(`snapshot takes save or restore, not "${action ?? ''}".`)
  if (!file || more.length) throw new UsageError(`snapshot ${action} takes one FILE.`)
  const data = values['data'] as string | undefined
  if (action === 'restore' && data === undefined)
    throw new UsageError('snapshot restore takes --data DIR, a directory that is empty or not there yet.')
  const dataDirectory = data === undefined ? defaultOptions().dataDirectory : path.resolve(cwd, data)
  return { action, file: path.resolve(cwd, file), dataDirectory }
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|::1)$/

function parseServe(args: string[], cwd: string): ServeOptions {
  const { values, positionals } = parse(
    args,
    {
      host: { type: 'string' },
      port: { type: 'string' },
      data: { type: 'string' },
      contexts: { type: 'string', multiple: true },
    },
    true,
  )
  const host = (values['host'] as string | undefined) ?? '127.0.0.1'
  if (!loopback.test(host))
    throw new UsageError(
      `--host takes a loopback address, not "${host}": reach a remote machine through an SSH tunnel instead.`,
    )
  const contexts = values['contexts'] as string[] | undefined
  if (positionals.length && !contexts) throw new UsageError(`"${positionals[0]}" is not a flag of serve. See --help.`)
  const data = values['data'] as string | undefined
  return {
    host,
    port: number('port', values['port'] as string | undefined),
    cluster: defaultOptions(data === undefined ? undefined : path.resolve(cwd, data)),
    contexts: contexts && [...contexts, ...positionals].map((file) => path.resolve(cwd, file)),
  }
}
