import type { KubeObject } from '#shared/kube/object.ts'
import type { Status } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { TraceRef } from '../../base/trace.ts'
import type { Entry } from '../../store/api.ts'
import type { KindIndex } from '../kinds/kind-index.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import type {
  ActionServices,
  AdmissionPlugin,
  Reservation,
  StrategyContext,
  Subresource,
  UserInfo,
} from '../registry/kind.ts'

/** What every handler stands on. */
export interface Core {
  readonly kinds: KindIndex
  readonly clock: Clock
  readonly random: Random
  readonly admission: readonly AdmissionPlugin[]
  readonly services: ActionServices
  /** By `group/plural`. */
  readonly reservations: ReadonlyMap<string, Reservation>
  /** Told of every write by whoever asked for it, once it is stored. Nothing of it may be changed or kept. */
  readonly wrote?: ((write: StoredWrite) => void) | undefined
  /** Reads large documents elsewhere; absent: all are read where they come in. Rejects with 400. */
  convertYaml?(body: Buffer): Promise<Buffer>
}

export interface StoredWrite {
  readonly op: Operation
  /** `create`, `update`, `delete`, or the subresource of an action, such as `binding`. */
  readonly action: string
  readonly old: KubeObject | undefined
  /** As it is stored, or as it was last. */
  readonly object: KubeObject
  readonly revision: number
  /** The object is gone with this write. */
  readonly gone?: boolean
  /** What was posted to the subresource of an action. */
  readonly input?: KubeObject
}

/** Who wants what of which object. */
export interface Operation {
  readonly kind: ServedKind
  readonly subresource: Subresource | undefined
  /** Undefined for cluster-scoped kinds and for all namespaces. */
  readonly namespace: string | undefined
  /** '' for collections; for creates until the object has one. */
  readonly name: string
  readonly user: UserInfo
  readonly dryRun: boolean
  /** Who is recorded in managedFields: the fieldManager, or what the user agent begins with. */
  readonly manager: string
  /** What made a component of this process write. */
  readonly cause?: TraceRef | undefined
  /** The options of the write, as admission is shown them. */
  readonly options?: Readonly<Record<string, unknown>>
  warn(text: string): void
  /** Notes something in the audit log; absent where nothing is written of the request. */
  annotate?(key: string, value: string): void
}

/** What an operation answers with. */
export type Outcome =
  | { readonly entry: Entry; readonly created?: boolean }
  /** Complete with kind and apiVersion. */
  | { readonly object: KubeObject; readonly created?: boolean }
  | { readonly status: Status }

export const contextOf = (core: Core, { user, namespace, dryRun, subresource }: Operation): StrategyContext => ({
  clock: core.clock,
  random: core.random,
  user,
  namespace,
  dryRun,
  subresource: subresource?.name ?? '',
})

/**
 * Whom a 422 speaks of: the kind as it is stored, events in core whatever group they came through. Custom resources are
 * what they say they are, even where that is wrong.
 */
export const invalidOf = ({ definition, kind }: ServedKind, object: KubeObject) => ({
  group: definition.convert?.storage.group ?? definition.group,
  kind: (definition.custom && object.kind) || kind,
})

/** An operation of the server itself, such as keeping the status of definitions. */
export const ownOperation = (kind: ServedKind, name: string, subresource?: Subresource): Operation => ({
  kind,
  subresource,
  namespace: undefined,
  name,
  user: { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] },
  dryRun: false,
  manager: 'kube-apiserver',
  warn: () => {},
})
