import { allContainers, type Container, type Metadata, type PodSpec } from '../../registry/core/pod/types.ts'

export interface Subject {
  metadata: Metadata
  spec: PodSpec
  containers: readonly Container[]
}

/** What is wrong: `reason (detail)`. */
export interface Violation {
  reason: string
  detail: string
}

export interface Check {
  /** Minor version of Kubernetes since which the standard asks for it. */
  readonly since?: number
  /** A stricter check of the restricted level stands for it there. */
  readonly overlapped?: boolean
  violation(subject: Subject, minor: number): Violation | undefined
}

export const subjectOf = (metadata: Metadata, spec: PodSpec): Subject => ({
  metadata,
  spec,
  containers: allContainers(spec).map(({ container }) => container),
})

export const quoted = (list: Iterable<string>): string => [...list].map((text) => JSON.stringify(text)).join(', ')
export const sorted = (list: Iterable<string>): string[] => [...new Set(list)].sort()
export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many)

/** `containers "a", "b"`. */
export const named = (containers: readonly Container[]): string =>
  `${plural('container', 'containers', containers.length)} ${quoted(containers.map(({ name = '' }) => name))}`

/** Who set something: the pod itself, containers, or both. */
export const setters = (pod: boolean, containers: readonly Container[]): string =>
  [...(pod ? ['pod'] : []), ...(containers.length ? [named(containers)] : [])].join(' and ')

export const isWindows = ({ spec }: Subject): boolean => spec.os?.name === 'windows'
/** Pods with users of their own may be root in there. */
export const hasOwnUsers = ({ spec }: Subject): boolean => spec.hostUsers === false
