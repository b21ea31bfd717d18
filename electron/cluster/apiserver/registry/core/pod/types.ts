import type * as v1 from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Loose } from '../../loose.ts'

/** Pods as clients send them, with the fields that are newer than the typed client. */
interface NewerContainerFields {
  restartPolicyRules?: { action?: string; exitCodes?: { operator?: string; values?: number[] } }[]
}
interface NewerSecurityFields {
  supplementalGroupsPolicy?: string
  seLinuxChangePolicy?: string
  appArmorProfile?: { type?: string; localhostProfile?: string }
}

export type Container = Loose<v1.Container & NewerContainerFields>
export type EphemeralContainer = Loose<v1.EphemeralContainer>
export type PodSecurityContext = Loose<v1.PodSecurityContext & NewerSecurityFields>
export type SecurityContext = Loose<v1.SecurityContext>
export type Volume = Loose<Omit<v1.Volume, 'image'> & { image?: { reference?: string; pullPolicy?: string } }>
export type Toleration = Loose<v1.Toleration>
export type Affinity = Loose<v1.Affinity>
export type Probe = Loose<v1.Probe>
export type PodStatus = Loose<v1.PodStatus> & { observedGeneration?: number; resize?: string }

export type PodSpec = Omit<
  Loose<v1.PodSpec>,
  'containers' | 'initContainers' | 'ephemeralContainers' | 'securityContext' | 'volumes'
> & {
  containers?: Container[] | undefined
  initContainers?: Container[] | undefined
  ephemeralContainers?: EphemeralContainer[] | undefined
  securityContext?: PodSecurityContext | undefined
  volumes?: Volume[] | undefined
  resources?: Loose<v1.ResourceRequirements> | undefined
  hostnameOverride?: string | undefined
}

export type Pod = KubeObject & { spec?: PodSpec; status?: PodStatus }

export interface Metadata {
  name?: string | undefined
  labels?: Readonly<Record<string, string | undefined>> | undefined
  annotations?: Readonly<Record<string, string | undefined>> | undefined
}

export interface PodTemplateSpec {
  metadata?: Metadata | undefined
  spec?: PodSpec | undefined
}

/** Containers of every sort, with the field under which each lies. */
export function allContainers(spec: PodSpec | undefined): { path: string; container: Container }[] {
  const under = (list: readonly Container[] | undefined, name: string) =>
    (list ?? []).map((container, i) => ({ path: `${name}[${i}]`, container }))
  return [
    ...under(spec?.initContainers, 'initContainers'),
    ...under(spec?.containers, 'containers'),
    ...under(spec?.ephemeralContainers as Container[] | undefined, 'ephemeralContainers'),
  ]
}

export const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always'
