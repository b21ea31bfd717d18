import type { FieldSelector } from '#shared/kube/field-selectors.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Selector } from '#shared/kube/selectors.ts'
import type { FieldError } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { Decoded } from '../../schema/api.ts'
import type { ReplicasPaths } from '../../schema/managed-fields/scale.ts'
import type { TrackedKind } from '../../schema/managed-fields/track.ts'
import type { Version } from '../../schema/managed-fields/updater.ts'
import type { JsonSchema } from '../../schema/openapi/api.ts'
import type { Store } from '../../store/api.ts'
import type { CellValue } from './columns/since.ts'

/**
 * What the generic handlers know of a kind. A strategy knows no HTTP and no store; handlers know no kinds.
 * Adding a kind is one folder with a `KindDefinition` and one line in `registry/index.ts`.
 */
export interface KindDefinition<T extends KubeObject = KubeObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  /** Default: the kind and `List`. */
  readonly listKind?: string
  readonly plural: string
  readonly singular: string
  readonly shortNames?: readonly string[]
  readonly categories?: readonly string[]
  readonly namespaced: boolean
  /** Name of the type in the schema table, such as `io.k8s.api.core.v1.Pod`. */
  readonly type: string
  /** Verbs served. Default: create, delete, deletecollection, get, list, patch, update, watch. */
  readonly verbs?: readonly string[]
  /**
   * Under which `/registry/<prefix>/` the objects lie in the store, where upstream has them. Default: the plural. Two
   * kinds with one prefix are two versions of one object (events, autoscalers): then one of them converts.
   */
  readonly storagePrefix?: string
  readonly convert?: {
    /** The kind (group/version) whose bytes are stored. */
    storage: { group: string; version: string; type: string }
    toStorage(object: KubeObject): KubeObject
    fromStorage(object: KubeObject): KubeObject
    /** Nothing but the apiVersion differs, so that stored bytes do for both. */
    alike?: boolean
  }
  /** Somebody else converts (webhooks of custom resources), and objects lie in the store in several versions. */
  readonly convertLater?: {
    /** The version of stored objects that do not say theirs. */
    readonly unmarked: string
    /** Objects of any version in this one. Rejects with StatusError. */
    toThis(objects: readonly KubeObject[]): Promise<KubeObject[]>
    toStorage(object: KubeObject): Promise<KubeObject>
  }
  readonly strategy: Strategy<T>
  readonly columns: readonly Column<T>[]
  /** Conditions of the object's row in a table (pods that have run to their end). Default: none. */
  readonly rowConditions?: { of(object: T): readonly RowCondition[] }['of']
  /** Annotations that upstream makes of a field when it writes the object: views of the metadata alone lack them. */
  readonly writtenAnnotations?: readonly string[]
  readonly subresources?: readonly Subresource<T>[]
  /** Fields that `fieldSelector` may name besides metadata.name and metadata.namespace. A path or a function of the object. */
  readonly selectableFields?: Readonly<Record<string, FieldReader<T>>>
  /** Values for watch and list indexes: selectable fields worth an index, such as spec.nodeName of pods. */
  readonly indexedFields?: readonly string[]
  /** Text of a Warning header on every request for the kind, reads included. */
  readonly deprecation?: string
  /** False while no loop acts on the kind: creating one answers with a Warning header that says so. Default true. */
  readonly acted?: boolean
  /** For a kind that not every machine can act on: why this one does not, for the Warning header. */
  readonly idle?: () => string | undefined
  /** Objects of this kind are removed this many milliseconds after their last write (events: one hour). */
  readonly timeToLive?: number
  /** Verbs that are refused for now (405), and why. */
  readonly refused?: Readonly<Record<string, string>>
  /** Custom resources: their own schema stands in for the schema table. */
  readonly custom?: CustomFields
  /** As /openapi publishes the fields of custom resources. */
  readonly schema?: JsonSchema
  /** Where the objects are instead of in the server's store. Nothing is written to it through the API. */
  readonly keptIn?: Store
  /** Of what may be listed, the objects that a user is shown. Undefined: all. */
  readonly visibleTo?: (user: UserInfo) => Visibility<T> | undefined
  /** Served from something else than the store (reviews, componentstatuses, tokens). Handlers call it and nothing else. */
  readonly virtual?: VirtualResource
}

/** Which objects somebody sees. Two with the same key see the same. */
export interface Visibility<T extends KubeObject = KubeObject> {
  readonly key: string
  shows(object: T): boolean
}

/** What a custom resource's definition says of its fields in one version. */
export interface CustomFields {
  /** As the table's decoder does it. `text` is the JSON that the value was parsed from. Throws DecodeError. */
  decode(value: unknown, text?: string): Decoded
  /** An object that may have been stored under an older schema, brought up to this one. Changes nothing. */
  renewed(object: KubeObject): KubeObject
  /** What has a newer revision was stored under this schema. Raised when a write under an older one ends late. */
  since: number
  readonly tracked: TrackedKind
  /** Other served versions, by apiVersion. */
  readonly versions: (apiVersion: string) => Version | undefined
}

/** Reads one selectable field; '' where the object has none. Written as a method so that kinds of one T fit a list of any. */
export type FieldReader<T> = { read(object: T): string }['read']

export interface StrategyContext {
  readonly clock: Clock
  readonly random: Random
  /** Who asks. */
  readonly user: UserInfo
  readonly namespace: string | undefined
  readonly dryRun: boolean
  /** '' for the object itself, else the subresource written through. */
  readonly subresource: string
}

/** What somebody wants to do, as authorizers see it. */
export interface AccessAttributes {
  readonly verb: string
  readonly isResource: boolean
  readonly group: string
  readonly version: string
  readonly resource: string
  readonly subresource: string
  /** '' for cluster-scoped requests. */
  readonly namespace: string
  readonly name: string
  /** For what is no resource. */
  readonly path: string
  /** What a list, a watch or the deletion of a collection is narrowed to; absent where it cannot be read. */
  readonly fieldSelector?: FieldSelector
  readonly labelSelector?: Selector
}

export interface UserInfo {
  name: string
  uid?: string
  groups: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>>
}

/**
 * The rules of one kind. `default*` and `prepare*` may change the object they are given; `validate*` never does and
 * returns what is wrong. ObjectMeta is handled once, by the generic handlers (names by `validateName`).
 */
export interface Strategy<T extends KubeObject = KubeObject> {
  /** Fills what upstream's SetDefaults_* fill, on decoding, for every write and for every patch's result. */
  setDefaults(object: T): void
  /** Clears what creators may not set (status), sets generation 1 where the kind has one. */
  prepareForCreate(object: T, context: StrategyContext): void
  /**
   * Carries over what this write may not change (status on the main resource, spec on /status) and bumps
   * generation when the spec changed. `old` must not be changed.
   */
  prepareForUpdate(object: T, old: T, context: StrategyContext): void
  validateCreate(object: T, context: StrategyContext): FieldError[]
  validateUpdate(object: T, old: T, context: StrategyContext): FieldError[]
  /** What is wrong with the name, as upstream's ValidateName says it. `prefix` for generateName. */
  validateName(name: string, prefix: boolean): string[]
  /** After validation, right before the object is stored: what is derived from valid fields. */
  canonicalize?(object: T): void
  /** Texts for Warning headers. */
  warnings?(object: T, old: T | undefined): string[]
  /** PUT of an absent object creates it. */
  readonly allowCreateOnUpdate?: boolean
  /** An update without resourceVersion is refused. Most kinds allow it. */
  readonly requireResourceVersionOnUpdate?: boolean
  /**
   * Pods only: given the grace asked for, the grace in seconds that applies; 0 deletes at once.
   * Undefined where the kind knows no graceful deletion.
   */
  gracePeriod?(object: T, requested: number | undefined): number
  /** Marks the object for deletion in a way of its own, which must leave a finalizer (custom resource definitions). */
  markForCleanup?(object: T, now: number): void
  /** What marking the object as deleted changes besides its metadata (namespaces: phase Terminating). */
  markDeleted?(object: T): void
  /** True while a marked object must stay for other reasons than metadata.finalizers (namespaces: spec.finalizers). */
  isHeld?(object: T): boolean
  /** What a DELETE without propagationPolicy does to dependents. Default: background. */
  readonly defaultGarbageCollection?: 'background' | 'orphan'
  /** A DELETE that removes the object at once answers with the object instead of a Status (upstream's ReturnDeletedObject). */
  readonly answersDeleted?: boolean
}

/** metav1.TableRowCondition. */
export interface RowCondition {
  type: string
  status: string
  reason?: string
  message?: string
}

/** A column of kubectl's table. Source: pkg/printers/internalversion. */
export interface Column<T extends KubeObject = KubeObject> {
  name: string
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date'
  format?: string
  description: string
  /** 0 shows always, 1 with -o wide. */
  priority: number
  /** The cell, of the object alone: rows are kept, and only what is `since` some time is written anew. */
  cell(object: T): CellValue
}

/** A subresource that reads or writes the object itself, or part of it. Streams (log, exec…) are `connect`. */
export interface Subresource<T extends KubeObject = KubeObject> {
  readonly name: string
  /** As discovery lists it: kind and, where it differs from the holder's, group and version. */
  readonly kind: string
  readonly group?: string
  readonly version?: string
  readonly verbs: readonly string[]
  /** Type in the schema table of what is read and written. Default: the holder's type. */
  readonly type?: string
  /** status and ephemeralcontainers-like: the whole object with rules of its own. Default rules: the kind's strategy, with `context.subresource`. */
  readonly strategy?: Partial<Strategy<T>>
  /** scale-like: another shape of the object. */
  readonly view?: {
    read(object: T): KubeObject
    /** Changes `object`, which is a copy, as the written view asks; returns what is wrong. */
    write(object: T, view: KubeObject, context: StrategyContext): FieldError[]
    /** Which field of the object its owners own in the view. */
    readonly replicas: ReplicasPaths
    /** Of its table. */
    readonly columns: readonly Column[]
  }
  /** binding, eviction, token: POST only, with effects of their own. */
  readonly action?: (
    input: KubeObject,
    target: { namespace: string | undefined; name: string },
    services: ActionServices,
    context: StrategyContext,
  ) => Promise<KubeObject>
  /** log, exec, attach, portforward, proxy: handed to the connector of that name. */
  readonly connect?: string
}

/** What subresource actions and admission may ask of the server that hosts them. */
export interface ActionServices {
  get<T extends KubeObject>(
    kind: { group: string; plural: string },
    namespace: string | undefined,
    name: string,
  ): T | undefined
  list<T extends KubeObject>(kind: { group: string; plural: string }, namespace: string | undefined): readonly T[]
  /** Reads, changes and writes the object until no conflict remains. */
  update<T extends KubeObject>(
    kind: { group: string; plural: string },
    namespace: string | undefined,
    name: string,
    change: (object: T) => void,
  ): Promise<T>
  delete(
    kind: { group: string; plural: string },
    namespace: string | undefined,
    name: string,
    options: {
      gracePeriodSeconds?: number
      uid?: string
      dryRun?: boolean
      /** Default: the server itself. */ user?: UserInfo
    },
  ): Promise<void>
  /** Signs a service-account token. */
  signToken(request: TokenRequestInput): Promise<SignedToken>
}

export interface SignedToken {
  token: string
  expirationTimestamp: string
  /** Those asked for, or this server when none were. */
  audiences: readonly string[]
}

export interface TokenRequestInput {
  namespace: string
  serviceAccount: string
  serviceAccountUid: string
  audiences: readonly string[]
  expirationSeconds: number
  boundObject?: { kind: string; apiVersion: string; name: string; uid: string }
}

/**
 * What a write takes from outside its object, such as a service's addresses and ports. It has state, so the server
 * makes it (such as `serviceReservation` in core/service) and holds at most one per kind. All of it is synchronous.
 */
export interface Reservation<T extends KubeObject = KubeObject> {
  readonly group: string
  readonly plural: string
  /**
   * Called with every stored object, before the server takes writes and, where other servers write too, before each
   * reservation: what these hold is taken, and what writes under way have claimed, and nothing else.
   */
  restore(objects: Iterable<T>): void
  /**
   * What upstream keeps of it in the store, and where below `/registry/`. Where other servers write too, it is written
   * along with each object that took something, so that of two that took the same one loses.
   */
  ledger(): { place: string; object: KubeObject }
  /**
   * Called for writes of the object itself (no subresource), after validation and validating admission, right before
   * the write (`old` is absent for a create); may set fields of `object`. Throws StatusError when it cannot. The answer
   * must be called once with the write's outcome. `stored` reads other objects.
   */
  reserve(
    object: T,
    old: T | undefined,
    context: StrategyContext,
    stored: Pick<ActionServices, 'get' | 'list'>,
  ): (isStored: boolean) => void
  /** The object is gone from the store. */
  release(object: T): void
}

export interface VirtualResource {
  create?(input: KubeObject, context: StrategyContext, services: ActionServices): Promise<KubeObject>
  get?(name: string, context: StrategyContext): Promise<KubeObject>
  list?(context: StrategyContext): Promise<KubeObject[]>
}

/** One step of admission, in the order of `admission/index.ts`. Mutators may change the object; validators may not. */
export interface AdmissionPlugin {
  readonly name: string
  /** It is also asked about CONNECT: exec, attach, port-forward, proxy. */
  readonly connects?: boolean
  mutate?(request: AdmissionRequest): Promise<void> | void
  /** Throws StatusError to refuse. */
  validate?(request: AdmissionRequest): Promise<void> | void
  /** Lets go of what it follows or holds open. */
  [Symbol.dispose]?(): void
}

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'
  readonly kind: KindDefinition
  readonly subresource: string
  readonly namespace: string | undefined
  readonly name: string
  readonly object: KubeObject | undefined
  readonly old: KubeObject | undefined
  readonly user: UserInfo
  readonly dryRun: boolean
  /** The write's own options: what upstream's CreateOptions and its sisters hold. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
  /** Mutators are run once more when one asks for it. Absent where nothing mutates. */
  readonly reinvocation?: Reinvocation
  /** Adds a Warning header to the answer. */
  warn(text: string): void
  /** Notes something in the audit log; absent where nothing is written of the request. */
  annotate?(key: string, value: string): void
  readonly services: ActionServices
}

/** Upstream's admission.ReinvocationContext: what mutators that change objects from outside leave for a second round. */
export interface Reinvocation {
  /** This is the second round. */
  again: boolean
  /** A second round is asked for. */
  needed: boolean
  /** What plug-ins remember from the first, by their names. */
  readonly memory: Map<string, unknown>
}
