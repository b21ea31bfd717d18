import { z } from 'zod'
import { request, stream } from './define.ts'
import {
  contextId,
  groupName,
  lineOfText,
  namespaceName,
  objectName,
  pluralName,
  subresourceName,
  userName,
} from './words.ts'

/** One kubeconfig context, or the built-in cluster (id `builtin`). */
export interface ContextInfo {
  id: string
  name: string
  /** Where it comes from: `built-in` or a kubeconfig path. */
  source: string
  server: string
  namespace?: string
  builtin: boolean
  /** Nothing is changed there, unless it is unlocked for now: until then, in milliseconds since the epoch. */
  protection?: { unlockedUntil?: number }
  /** It is looked at with this user's rights. */
  viewedAs?: Impersonation
}

/** Whom to speak for, as kubectl's `--as` and `--as-group`. */
export interface Impersonation {
  user: string
  groups: string[]
}

export type ConnectionState =
  | { state: 'idle' }
  | { state: 'connecting' }
  | { state: 'live'; version: string }
  /** `since`: milliseconds since the epoch at which the last answer came. */
  | { state: 'reconnecting'; since: number; message: string }
  | { state: 'failed'; message: string; cure?: string }

/** A resource type as discovery tells it. */
export interface ResourceInfo {
  group: string
  version: string
  plural: string
  singular: string
  kind: string
  namespaced: boolean
  shortNames: string[]
  categories: string[]
  verbs: string[]
}

const context = z.object({ context: contextId })

export const contextStreams = {
  /** All contexts, the built-in cluster first and always, again whenever kubeconfigs or states change. */
  'contexts.watch': stream<{
    contexts: (ContextInfo & { connection: ConnectionState })[]
    /** Kubeconfig files that cannot be read, in a sentence each. */
    problems?: string[]
  }>()(z.object({}), z.never()),
}

export const contextRequests = {
  /** Contacts the cluster. Nothing is contacted before. */
  'contexts.connect': request<{ version: string }>()(context),
  'contexts.resources': request<ResourceInfo[]>()(context),
  /** Protects the context from changes made here, or lifts that, which takes that it is unlocked. */
  'contexts.protect': request<void>()(context.extend({ on: z.boolean() })),
  /** Lets changes through for a quarter of an hour: `typed` is the context's name. Absent: locks it again. */
  'contexts.unlock': request<void>()(context.extend({ typed: lineOfText.optional() })),
  /** With somebody else's rights from now on; with one's own when nobody is named. */
  'contexts.viewAs': request<void>()(
    context.extend({
      somebody: z.object({ user: userName, groups: z.array(userName).max(100) }).optional(),
    }),
  ),
  /** Whether the current user may, asked of the server with SelfSubjectAccessReview. */
  'contexts.can': request<boolean>()(
    context.extend({
      verb: lineOfText,
      group: groupName,
      resource: pluralName,
      subresource: subresourceName.optional(),
      namespace: namespaceName.optional(),
      name: objectName.optional(),
    }),
  ),
}
