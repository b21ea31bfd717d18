import type { Attributes } from '../authz/authorizer.ts'
import type { UserInfo } from '../registry/kind.ts'
import { isDnsSubdomain } from '../registry/validation/names.ts'
import { splitServiceAccount } from './user.ts'

/** One way to be allowed to speak for others. Source: apiserver/pkg/endpoints/filters/impersonation/mode.go (KEP-5284). */
export interface Mode {
  /** Part of the verbs impersonate:X and impersonate-on:X:verb; absent for the old form. */
  readonly constraint?: string
  /** Whether it can speak of that user at all. */
  applies(wanted: UserInfo, sender: UserInfo): boolean
  /** The node behind a user's name, in modes that know nodes. */
  node?(user: string): string | undefined
  /** What rules may not tell apart: then one rule does for a service account on whichever node it runs. */
  blind?(asked: Attributes): Partial<Attributes>
}

const nodePrefix = 'system:node:'

function nodeOf(user: string): string | undefined {
  const name = user.startsWith(nodePrefix) ? user.slice(nodePrefix.length) : ''
  return name && !isDnsSubdomain(name).length ? name : undefined
}

const isNameOnly = ({ uid, groups, extra }: UserInfo): boolean => !uid && !groups.length && !extra

/** In the order in which they are tried. */
export const impersonationModes: readonly Mode[] = [
  {
    constraint: 'associated-node',
    applies: (wanted, sender) => {
      const names = sender.extra?.['authentication.kubernetes.io/node-name'] ?? []
      const node = nodeOf(wanted.name)
      const isOwn = node !== undefined && names.length === 1 && names[0] === node
      return isNameOnly(wanted) && isOwn && splitServiceAccount(sender.name) !== undefined
    },
    node: (user) => (nodeOf(user) === undefined ? undefined : '*'),
    blind: ({ user }) => ({
      user: {
        ...user,
        extra: { 'authentication.kubernetes.io/associated-node-keys': Object.keys(user.extra ?? {}).sort() },
      },
    }),
  },
  {
    constraint: 'arbitrary-node',
    applies: (wanted) => isNameOnly(wanted) && nodeOf(wanted.name) !== undefined,
    node: nodeOf,
  },
  {
    constraint: 'serviceaccount',
    applies: (wanted) => isNameOnly(wanted) && splitServiceAccount(wanted.name) !== undefined,
  },
  {
    constraint: 'user-info',
    applies: ({ name }) => nodeOf(name) === undefined && splitServiceAccount(name) === undefined,
  },
  { applies: () => true },
]
