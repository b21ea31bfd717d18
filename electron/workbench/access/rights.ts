import type { AccessSubject, HeldRole, Rights } from '#shared/ipc/access.ts'
import { condense, type SourcedRule } from '#shared/kube/rbac.ts'
import { boundRules } from './bound-rules.ts'
import type { Policy } from './policy.ts'

const accountPrefix = 'system:serviceaccount:'
export const masters = 'system:masters'

/** What a subject may do by way of bindings, its own and those of the groups that it is in. */
export function rightsOf(policy: Policy, subject: AccessSubject, groups: readonly string[]): Rights {
  const self = accountOf(subject)
  const memberships = [...new Set([...groups, ...implicitGroups(self)])]
  const isIn = new Set(memberships)
  const bindings: HeldRole[] = []
  const rules: SourcedRule[] = []
  for (const { subjects, rules: given, ...bound } of boundRules(policy)) {
    const through = subjects.find((each) =>
      each.kind === 'Group' ? isIn.has(each.name) : isSame(accountOf(each), self),
    )
    if (!through) continue
    const source = bindings.push({ ...bound, through }) - 1
    rules.push(...given.map(({ rule }) => ({ rule, namespace: bound.namespace, source })))
  }
  return {
    groups: memberships,
    everything: isIn.has(masters),
    rights: condense(rules),
    bindings,
    unread: [...policy.unread],
  }
}

/** Everybody whom a binding names, each once. */
export function knownSubjects(policy: Policy): AccessSubject[] {
  const known = new Map(
    boundRules(policy).flatMap(({ subjects }) =>
      subjects.map((each) => accountOf(each)).map((subject) => [keyOf(subject), subject]),
    ),
  )
  return [...known].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, subject]) => subject)
}

/** The groups that whoever logs in is in without anybody saying so. A group stands for any member of it. */
export function implicitGroups(subject: AccessSubject): string[] {
  const authenticated = 'system:authenticated'
  const unauthenticated = 'system:unauthenticated'
  if (subject.kind === 'ServiceAccount')
    return ['system:serviceaccounts', `system:serviceaccounts:${subject.namespace}`, authenticated]
  if (subject.kind === 'User') return [subject.name === 'system:anonymous' ? unauthenticated : authenticated]
  if (subject.name === unauthenticated) return [subject.name]
  const ofAccounts = subject.name.startsWith('system:serviceaccounts:') ? ['system:serviceaccounts'] : []
  return [...new Set([subject.name, ...ofAccounts, authenticated])]
}

/** A service account is also a user of a certain name. */
function accountOf(subject: AccessSubject): AccessSubject {
  if (subject.kind !== 'User' || !subject.name.startsWith(accountPrefix)) return subject
  const [namespace, name, ...rest] = subject.name.slice(accountPrefix.length).split(':')
  return namespace && name && !rest.length ? { kind: 'ServiceAccount', namespace, name } : subject
}

const keyOf = (subject: AccessSubject): string =>
  [subject.kind, 'namespace' in subject ? subject.namespace : '', subject.name].join('/')
const isSame = (a: AccessSubject, b: AccessSubject): boolean => keyOf(a) === keyOf(b)
