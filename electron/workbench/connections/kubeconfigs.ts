import { readFileSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { KubeConfig, type Cluster, type Context, type User } from '@kubernetes/client-node'
import { parse } from 'yaml'
import { ExecLogin, type ExecConfig } from './exec-login.ts'

/** One context of one kubeconfig file: everything that a connection needs, and nothing of the other contexts. */
export interface KubeconfigContext {
  /** `file#context`: stable over restarts. */
  id: string
  name: string
  source: string
  server: string
  namespace?: string
  access: Access
}

/** How to speak to one cluster as one user. */
export interface Access {
  cluster: Cluster | undefined
  user: User | undefined
  login?: ExecLogin
  /** Impersonation beyond what the library sends. */
  headers: Record<string, string | string[]>
  /** Two accesses of the same fingerprint are the same connection. */
  fingerprint: string
}

/** The parts of a user that the library does not read. */
interface RawUser {
  exec?: (ExecConfig & { command?: string }) | null
  tokenFile?: string
  'as-uid'?: string
  'as-groups'?: string[]
  'as-user-extra'?: Record<string, string[]>
}

interface KubeconfigFile {
  file: string
  config: KubeConfig
  raw: Map<string, RawUser>
}

/** The kubeconfigs that kubectl would read: $KUBECONFIG, else ~/.kube/config. */
export function defaultKubeconfigFiles(env = process.env, home = os.homedir()): string[] {
  if (env['KUBECONFIG']) return env['KUBECONFIG'].split(path.delimiter).filter(Boolean)
  return [path.join(home, '.kube', 'config')]
}

export interface ReadContexts {
  contexts: KubeconfigContext[]
  /** Files that cannot be read, in a sentence each. Files that do not exist are none. */
  problems: { file: string; message: string }[]
}

/**
 * The contexts of all files. As with kubectl, a context may name the cluster or user of another file; its own file comes
 * first. Exec plug-ins are not run.
 */
export function readContexts(files: readonly string[]): ReadContexts {
  const problems: ReadContexts['problems'] = []
  const read: KubeconfigFile[] = []
  for (const file of new Set(files)) {
    try {
      const found = readFile(file)
      if (found) read.push(found)
    } catch (error) {
      problems.push({ file, message: `${file} is not a kubeconfig: ${(error as Error).message.split('\n')[0]}` })
    }
  }
  const contexts = read.flatMap((own) =>
    own.config.getContexts().map((context) => contextOf(context, [own, ...read.filter((other) => other !== own)])),
  )
  return { contexts, problems }
}

function readFile(file: string): KubeconfigFile | undefined {
  if (!statSync(file, { throwIfNoEntry: false })) return undefined
  const text = readFileSync(file, 'utf8')
  // kubectl makes an empty file on `config unset`, and takes it for no contexts.
  if (text.trim() === '') return undefined
  const config = new KubeConfig()
  config.loadFromString(text)
  config.makePathsAbsolute(path.dirname(file))
  const users = (parse(text) as { users?: { name?: string; user?: RawUser | null }[] } | null)?.users ?? []
  return { file, config, raw: new Map(users.map(({ name = '', user }) => [name, user ?? {}])) }
}

function contextOf(context: Context, files: readonly KubeconfigFile[]): KubeconfigContext {
  const [own] = files as [KubeconfigFile]
  const cluster =
    files.map(({ config }) => config.getCluster(context.cluster)).find((found) => found !== null) ?? undefined
  const owner = files.find(({ config }) => config.getUser(context.user) !== null)
  return {
    id: `${own.file}#${context.name}`,
    name: context.name,
    source: own.file,
    server: cluster?.server ?? '',
    ...(context.namespace ? { namespace: context.namespace } : {}),
    access: accessOf(
      cluster,
      owner?.config.getUser(context.user) ?? undefined,
      owner?.raw.get(context.user),
      path.dirname(owner?.file ?? own.file),
    ),
  }
}

export function accessOf(cluster: Cluster | undefined, user: User | undefined, raw: RawUser = {}, folder = ''): Access {
  const headers = {
    ...(raw['as-uid'] ? { 'Impersonate-Uid': raw['as-uid'] } : {}),
    ...(raw['as-groups']?.length ? { 'Impersonate-Group': raw['as-groups'] } : {}),
    ...Object.fromEntries(
      Object.entries(raw['as-user-extra'] ?? {}).map(([key, values]) => [
        `Impersonate-Extra-${encodeURIComponent(key)}`,
        values,
      ]),
    ),
  }
  // The library refuses plain HTTP unless certificates are not looked at; kubectl proxy serves it.
  const served = cluster?.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster
  const { exec, tokenFile } = raw
  const known = user && {
    ...user,
    ...(exec?.command ? { exec: undefined } : {}),
    ...(tokenFile ? tokenUser(path.resolve(folder, tokenFile)) : {}),
  }
  return {
    cluster: served,
    user: known,
    headers,
    ...(exec?.command ? { login: new ExecLogin({ exec, cluster: clusterInfo(served), folder }) } : {}),
    fingerprint: JSON.stringify([served, user, raw]),
  }
}

/** Read anew every minute, since projected tokens are rotated. */
const tokenUser = (tokenFile: string): Partial<User> => ({
  token: '',
  authProvider: { name: 'tokenFile', config: { tokenFile } },
})

const clusterInfo = (cluster: Cluster | undefined): object => ({
  server: cluster?.server,
  ...(cluster?.tlsServerName ? { 'tls-server-name': cluster.tlsServerName } : {}),
  ...(cluster?.skipTLSVerify ? { 'insecure-skip-tls-verify': true } : {}),
  ...(cluster?.caData ? { 'certificate-authority-data': cluster.caData } : {}),
  ...(cluster?.proxyUrl ? { 'proxy-url': cluster.proxyUrl } : {}),
})

/** A configuration of the library with this access alone. Each has connections of its own and reads files anew. */
export function toKubeConfig({ cluster, user }: Access): KubeConfig {
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: cluster ? [cluster] : [],
    users: user ? [user] : [],
    contexts: [{ name: 'only', cluster: cluster?.name ?? '', user: user?.name ?? '' }],
    currentContext: 'only',
  })
  return config
}

/**
 * Calls back when one of the files changes, appears or goes. They are looked at every second rather than watched:
 * kubeconfigs are replaced, linked to, and lie in folders that do not exist yet. What changes after this call is never
 * missed, so the files are read after it.
 */
export function watchFiles(files: readonly string[], changed: () => void, interval = 1000): Disposable {
  const stamp = () => [...new Set(files)].map(stampOf).join()
  let seen = stamp()
  const timer = setInterval(() => {
    const now = stamp()
    if (now === seen) return
    seen = now
    changed()
  }, interval)
  timer.unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

function stampOf(file: string): string {
  try {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false })
    return found ? `${found.ino}:${found.size}:${found.mtimeNs}` : ''
  } catch (error) {
    return String((error as NodeJS.ErrnoException).code)
  }
}
