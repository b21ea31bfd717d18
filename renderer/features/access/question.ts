import { findKind, kindId } from '../../data/kinds.ts'
import { kubectlLine } from '../../data/kubectl.ts'
import type { AccessQuestion, AccessSubject } from '#shared/ipc/access.ts'
import type { ResourceInfo } from '#shared/ipc/contexts.ts'

/** `pods`, `pods/log`, `deployments.apps/scale`, `/metrics`, `*`: what a question is about, as kubectl writes it. */
export interface Asked {
  group: string
  resource: string
  subresource: string
  namespaced: boolean
  /** '' unless it is one; then the others are empty. */
  path: string
}

/** Undefined: there is no such thing here. */
export function parseResource(text: string, kinds: readonly ResourceInfo[]): Asked | undefined {
  const word = text.trim()
  const none = { group: '', resource: '', subresource: '', namespaced: true, path: '' }
  if (word.startsWith('/')) return { ...none, namespaced: false, path: word }
  if (word === '*') return { ...none, resource: '*' }
  const match = /^([a-z0-9.-]+)(?:\/([a-z]+))?$/i.exec(word)
  const kind = match && findKind(kinds, match[1]!)
  if (!match || !kind) return undefined
  const { group, plural, namespaced } = kind
  return { ...none, group, resource: plural, subresource: match[2] ?? '', namespaced }
}

/** Subresources that people ask for, which discovery leaves out here. */
export const usualSubresources = [
  'pods/exec',
  'pods/log',
  'pods/portforward',
  'pods/attach',
  'pods/ephemeralcontainers',
  'pods/eviction',
  'deployments.apps/scale',
  'serviceaccounts/token',
  'nodes/proxy',
] as const

export function questionOf(verb: string, asked: Asked, name: string, namespace: string): AccessQuestion {
  if (asked.path) return { verb, path: asked.path }
  const { group, resource, subresource, namespaced } = asked
  return {
    verb,
    group,
    resource,
    namespaced,
    ...(subresource ? { subresource } : {}),
    ...(name ? { name } : {}),
    ...(namespaced && namespace ? { namespace } : {}),
  }
}

/** `me`, `user:jane`, `group:devs`, `account:shop/bot`: somebody in the address. */
export function addressOf(subject: AccessSubject): string {
  if (subject.kind === 'ServiceAccount') return `account:${subject.namespace}/${subject.name}`
  return `${subject.kind.toLowerCase()}:${subject.name}`
}

/** What an address, or a person, writes. A name alone is a user. Undefined: nobody, or oneself. */
export function parseSubject(text: string): AccessSubject | undefined {
  const word = text.trim()
  if (!word || word === 'me') return undefined
  const account =
    /^(?:account:|system:serviceaccount:)([a-z0-9-]+)[/:]([a-z0-9.-]+)$/.exec(word) ??
    /^([a-z0-9-]+)\/([a-z0-9.-]+)$/.exec(word)
  if (account) return { kind: 'ServiceAccount', namespace: account[1]!, name: account[2]! }
  if (word.startsWith('group:')) return { kind: 'Group', name: word.slice(6) }
  return { kind: 'User', name: word.replace(/^user:/, '') }
}

export const subjectText = (subject: AccessSubject): string =>
  subject.kind === 'ServiceAccount' ? `${subject.namespace}/${subject.name}` : subject.name

/** The flags by which kubectl speaks as somebody. A group needs some user to be in it. */
export function asFlags(subject: AccessSubject | undefined, groups: readonly string[]): string[] {
  if (!subject) return []
  const user =
    subject.kind === 'ServiceAccount'
      ? `system:serviceaccount:${subject.namespace}:${subject.name}`
      : subject.kind === 'Group'
        ? 'anybody'
        : subject.name
  const all = [...(subject.kind === 'Group' ? [subject.name] : []), ...groups]
  return [`--as=${user}`, ...all.map((group) => `--as-group=${group}`)]
}

export function whoCanLine(cluster: readonly string[], question: AccessQuestion): string {
  if ('path' in question) return kubectlLine(cluster, 'auth', 'can-i', question.verb, question.path)
  const { group, resource, subresource, name, namespace } = question
  const what = kindId({ group, plural: resource })
  return kubectlLine(
    cluster,
    'auth',
    'can-i',
    question.verb,
    name ? `${what}/${name}` : what,
    ...(subresource ? [`--subresource=${subresource}`] : []),
    ...(namespace ? ['-n', namespace] : ['-A']),
  )
}

export const rightsLine = (
  cluster: readonly string[],
  subject: AccessSubject | undefined,
  groups: readonly string[],
  namespace: string,
): string =>
  kubectlLine(cluster, 'auth', 'can-i', '--list', ...asFlags(subject, groups), ...(namespace ? ['-n', namespace] : []))
