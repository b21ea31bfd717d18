import type { KubeList, KubeObject, WatchEvent } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import type { TraceRef } from '../base/trace.ts'

/** How a component of the cluster speaks to the API server: in process or over HTTPS, with an identity of its own. */
export interface ObjectKey {
  namespace?: string | undefined
  name: string
}

export interface GetOptions {
  resourceVersion?: string | undefined
  /** `scale`, of which the answer has the shape. */
  subresource?: string | undefined
  /** Parameters that only API servers behind this one know. */
  query?: Readonly<Record<string, string>> | undefined
}

export interface ListOptions {
  namespace?: string | undefined
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  resourceVersion?: string | undefined
  resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined
  limit?: number | undefined
  continue?: string | undefined
  /** A hint: only metadata will be read, so the server may be asked for PartialObjectMetadata. */
  metadataOnly?: boolean | undefined
}

export interface WatchOptions extends ListOptions {
  signal: AbortSignal
  allowBookmarks?: boolean | undefined
  sendInitialEvents?: boolean | undefined
  timeoutSeconds?: number | undefined
}

export type PatchType = 'json' | 'merge' | 'strategic' | 'apply'

/** Never leaves the process. */
interface Caused {
  /** What made the caller write: for the trace. */
  cause?: TraceRef | undefined
}

export interface WriteOptions extends Caused {
  subresource?: string | undefined
  fieldManager?: string | undefined
  force?: boolean | undefined
  dryRun?: boolean | undefined
  /** A hint: nobody reads the answer, so what is handed out may be empty. */
  unread?: boolean | undefined
}

export interface CreateOptions extends WriteOptions {
  /** Of an object that does not say its own. */
  namespace?: string | undefined
}

export interface DeleteOptions extends Caused {
  gracePeriodSeconds?: number | undefined
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground' | undefined
  preconditions?: { uid?: string | undefined; resourceVersion?: string | undefined } | undefined
}

/**
 * All calls reject with StatusError. Objects handed in are never mutated; objects handed out may be shared and must not be.
 * In process they are the server's own decoded objects, deeply frozen under test.
 */
export interface KubeClient {
  get<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options?: GetOptions): Promise<T>
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<KubeList<T>>
  /** Ends when the server ends it; throws StatusError on an ERROR event (410 included). */
  watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>
  create<T extends KubeObject>(type: ResourceType<T>, object: T, options?: CreateOptions): Promise<T>
  update<T extends KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>
  patch<T extends KubeObject>(
    type: ResourceType<T>,
    key: ObjectKey,
    patch: PatchType,
    body: unknown,
    options?: WriteOptions,
  ): Promise<T>
  delete<T extends KubeObject>(type: ResourceType<T>, key: ObjectKey, options?: DeleteOptions): Promise<void>
  /** POST to a subresource: binding, eviction, token. Answers what the server answers. */
  post<A extends KubeObject = KubeObject>(
    type: ResourceType,
    key: ObjectKey,
    subresource: string,
    body: KubeObject,
  ): Promise<A>
}

/** A kind as the server lists it. */
export interface ServedResource extends ResourceType {
  readonly verbs: readonly string[]
}

/** What the server serves, each resource once in its preferred version; subresources left out. */
export interface Discovery {
  resources(): Promise<{
    readonly resources: readonly ServedResource[]
    /** Group versions that could not be read, with the reason. */
    readonly failures: readonly { groupVersion: string; message: string }[]
  }>
}
