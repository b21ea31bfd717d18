/** The parts of pods that are counted, whoever's type they come in. */
type Named<V> = Readonly<Record<string, V | undefined>>

export interface Resources {
  readonly requests?: Named<string> | undefined
  readonly limits?: Named<string> | undefined
}

export interface Container {
  readonly name?: string | undefined
  readonly resources?: Resources | undefined
  readonly restartPolicy?: string | undefined
}

interface AffinityTerm {
  readonly namespaces?: readonly string[] | undefined
  readonly namespaceSelector?: object | undefined
}

interface Affinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: readonly AffinityTerm[] | undefined
  readonly preferredDuringSchedulingIgnoredDuringExecution?:
    readonly { readonly podAffinityTerm?: AffinityTerm | undefined }[] | undefined
}

export interface PodSpec {
  readonly containers?: readonly Container[] | undefined
  readonly initContainers?: readonly Container[] | undefined
  readonly resources?: Resources | undefined
  readonly overhead?: Named<string> | undefined
  readonly activeDeadlineSeconds?: number | undefined
  readonly priorityClassName?: string | undefined
  readonly affinity?:
    { readonly podAffinity?: Affinity | undefined; readonly podAntiAffinity?: Affinity | undefined } | undefined
}

export interface Pod {
  readonly metadata?:
    | { readonly deletionTimestamp?: string | undefined; readonly deletionGracePeriodSeconds?: number | undefined }
    | undefined
  readonly spec?: PodSpec | undefined
  readonly status?: { readonly phase?: string | undefined } | undefined
}

export interface Claim {
  readonly metadata?: { readonly annotations?: Named<string> | undefined } | undefined
  readonly spec?:
    | {
        readonly storageClassName?: string | undefined
        readonly volumeAttributesClassName?: string | undefined
        readonly resources?: Resources | undefined
      }
    | undefined
  readonly status?:
    | {
        readonly allocatedResources?: Named<string> | undefined
        readonly currentVolumeAttributesClassName?: string | undefined
        readonly modifyVolumeStatus?: { readonly targetVolumeAttributesClassName?: string | undefined } | undefined
      }
    | undefined
}

export interface Quota {
  readonly spec?:
    | {
        readonly hard?: Named<string> | undefined
        readonly scopes?: readonly string[] | undefined
        readonly scopeSelector?: { readonly matchExpressions?: readonly Scope[] | undefined } | undefined
      }
    | undefined
}

export interface Scope {
  readonly scopeName?: string | undefined
  readonly operator?: string | undefined
  readonly values?: readonly string[] | undefined
}
