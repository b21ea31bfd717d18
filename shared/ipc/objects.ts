import { z } from 'zod'
import { request, stream } from './define.ts'
import { resourceRef } from './queries.ts'
import { containerName, contextId, namespaceName, objectName, subresourceName, uid } from './words.ts'

export const objectRef = z.object({
  context: contextId,
  resource: resourceRef,
  namespace: namespaceName.optional(),
  name: objectName,
})
export type ObjectRef = z.infer<typeof objectRef>

/** One document of an apply: what the server would make of it (dry run) or made of it. */
export interface ApplyOutcome {
  kind: string
  namespace?: string
  name: string
  outcome: 'created' | 'configured' | 'unchanged' | 'failed'
  /** YAML before (absent: the object is new) and after, managedFields folded away. */
  before?: string
  after?: string
  warnings: string[]
  /** Line of the document in the text, 1-based. */
  line: number
  error?: {
    code: number
    reason: string
    message: string
    cure?: string
    causes?: { field?: string; message: string }[]
  }
}

export interface Revision {
  revision: number
  name: string
  created: number
  replicas: number
  current: boolean
  changeCause?: string
  images: string[]
  /** The pod template as YAML. */
  template: string
}

export const objectStreams = {
  /** The object as JSON, again on every change; undefined once it is gone. */
  'object.watch': stream<{ object?: unknown; gone?: boolean }>()(objectRef, z.never()),
}

export const objectRequests = {
  'object.get': request<unknown>()(objectRef),
  /** As YAML for the editor, managedFields left out. */
  'object.yaml': request<{ yaml: string; resourceVersion: string }>()(objectRef),
  /** Several documents. `dryRun` asks the server what it would do; server-side apply where the server has it. */
  'object.apply': request<ApplyOutcome[]>()(
    z.object({
      context: contextId,
      yaml: z.string().max(8_000_000),
      /** Namespace for documents that name none. */
      namespace: namespaceName,
      dryRun: z.boolean(),
      /** Editing exactly one object: refuse with 409 Conflict when it changed since. */
      resourceVersion: z.string().max(300).optional(),
      /** Overwrite: take over fields that another manager owns. */
      force: z.boolean().optional(),
    }),
  ),
  'object.delete': request<void>()(
    objectRef.extend({
      uid: uid.optional(),
      propagation: z.enum(['Background', 'Foreground', 'Orphan']).optional(),
      force: z.boolean().optional(),
    }),
  ),
  'object.patch': request<unknown>()(
    objectRef.extend({
      type: z.enum(['merge', 'strategic', 'json']),
      body: z.unknown(),
      subresource: subresourceName.optional(),
    }),
  ),
  'workload.scale': request<void>()(objectRef.extend({ replicas: z.number().int().min(0).max(100_000) })),
  'workload.restart': request<void>()(objectRef),
  'workload.pause': request<void>()(objectRef.extend({ paused: z.boolean() })),
  'workload.setImage': request<void>()(
    objectRef.extend({ container: containerName.min(1), image: z.string().min(1).max(2000) }),
  ),
  'workload.revisions': request<Revision[]>()(objectRef),
  'workload.rollback': request<void>()(objectRef.extend({ revision: z.number().int() })),
  /** A job of the cron job, now; and a job like this one, anew. Both answer its name. */
  'workload.trigger': request<string>()(objectRef),
  'workload.rerun': request<string>()(objectRef),
  'workload.suspend': request<void>()(objectRef.extend({ suspend: z.boolean() })),
  /** JSON schema of a kind for the editor, from the server's OpenAPI v3. */
  'schema.editor': request<{ uri: string; schema: unknown; kinds: { apiVersion: string; kind: string }[] }>()(
    z.object({ context: contextId }),
  ),
}
