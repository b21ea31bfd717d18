import { kindId } from './kinds.ts'

/** What a kubectl line speaks of. */
export interface KubectlTarget {
  /** The words that choose the cluster: `--context NAME` and, where it is not kubectl's default file, `--kubeconfig FILE`. */
  cluster: readonly string[]
  resource: { group: string; plural: string; namespaced: boolean }
  namespace?: string | undefined
  name: string
}

const plain = /^[\w@%+=:,./-]+$/

/** One word of a POSIX shell. */
export const quote = (word: string): string => (plain.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)

export const kubectlLine = (cluster: readonly string[], ...words: readonly string[]): string =>
  ['kubectl', ...cluster, ...words].map(quote).join(' ')

const scope = (target: KubectlTarget): string[] =>
  target.resource.namespaced && target.namespace ? ['-n', target.namespace] : []

/** `deployment.apps/name`-like argument; kubectl accepts the plural. */
const argument = (target: KubectlTarget): string => `${kindId(target.resource)}/${target.name}`

/** One line for targets of one kind in one namespace, several lines otherwise. */
function perNamespace(targets: readonly KubectlTarget[], line: (some: readonly KubectlTarget[]) => string): string {
  const groups = new Map<string, KubectlTarget[]>()
  for (const target of targets) {
    const key = `${target.cluster.join(' ')}\n${target.namespace ?? ''}\n${kindId(target.resource)}`
    const group = groups.get(key)
    if (group) group.push(target)
    else groups.set(key, [target])
  }
  return [...groups.values()].map(line).join('\n')
}

const simple =
  (...verb: string[]) =>
  (targets: readonly KubectlTarget[], ...flags: string[]): string =>
    perNamespace(targets, (some) =>
      kubectlLine(
        some[0]!.cluster,
        ...scope(some[0]!),
        ...verb,
        kindId(some[0]!.resource),
        ...some.map((target) => target.name),
        ...flags,
      ),
    )

const one =
  (...verb: string[]) =>
  (target: KubectlTarget, ...flags: string[]): string =>
    kubectlLine(target.cluster, ...scope(target), ...verb, argument(target), ...flags)

export const kubectl = {
  get: simple('get'),
  describe: simple('describe'),
  delete: simple('delete'),
  edit: one('edit'),
  patch: one('patch'),
  yaml: (target: KubectlTarget) => one('get')(target, '-o', 'yaml'),
  scale: (target: KubectlTarget, replicas: number) => one('scale')(target, `--replicas=${replicas}`),
  restart: simple('rollout', 'restart'),
  pause: simple('rollout', 'pause'),
  resume: simple('rollout', 'resume'),
  undo: (target: KubectlTarget, revision: number) => one('rollout', 'undo')(target, `--to-revision=${revision}`),
  setImage: (target: KubectlTarget, container: string, image: string) =>
    one('set', 'image')(target, `${container}=${image}`),
  cordon: (target: KubectlTarget) => kubectlLine(target.cluster, 'cordon', target.name),
  uncordon: (target: KubectlTarget) => kubectlLine(target.cluster, 'uncordon', target.name),
  drain: (target: KubectlTarget, ...flags: string[]) =>
    kubectlLine(target.cluster, 'drain', target.name, '--ignore-daemonsets', ...flags),
  logs: (target: KubectlTarget, ...flags: string[]) =>
    kubectlLine(
      target.cluster,
      ...scope(target),
      'logs',
      target.resource.plural === 'pods' ? target.name : argument(target),
      ...flags,
    ),
  exec: (target: KubectlTarget, container: string | undefined, command: readonly string[]) =>
    kubectlLine(
      target.cluster,
      ...scope(target),
      'exec',
      '-it',
      target.name,
      ...(container ? ['-c', container] : []),
      '--',
      ...command,
    ),
  attach: (target: KubectlTarget, container: string | undefined) =>
    kubectlLine(
      target.cluster,
      ...scope(target),
      'attach',
      '-it',
      target.name,
      ...(container ? ['-c', container] : []),
    ),
  forward: (target: KubectlTarget, localPort: number | undefined, remotePort: number) =>
    kubectlLine(
      target.cluster,
      ...scope(target),
      'port-forward',
      `${target.resource.plural === 'pods' ? 'pod' : 'service'}/${target.name}`,
      `${localPort ?? ''}:${remotePort}`,
    ),
  apply: (cluster: readonly string[], namespace: string, dryRun: boolean) =>
    kubectlLine(cluster, '-n', namespace, 'apply', '--server-side', ...(dryRun ? ['--dry-run=server'] : []), '-f', '-'),
}
