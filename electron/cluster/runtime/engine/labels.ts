import type { ContainerConfig, Resources, SandboxConfig } from '../api.ts'

/** Tells the containers of one of our nodes from all else in the engine. */
export const nodeLabel = 'wheelhouse.dev/node'
/** `sandbox` of what holds a pod's namespaces, `container` of all others: images and people may give any other label. */
export const kindLabel = 'wheelhouse.dev/kind'
/** The pod that a container belongs to, by the id of its sandbox. */
export const sandboxLabel = 'wheelhouse.dev/sandbox'
/** Of a sandbox: its SandboxConfig as JSON. */
export const podLabel = 'wheelhouse.dev/pod'
/** Of a container: a ContainerRecord as JSON. */
export const containerLabel = 'wheelhouse.dev/container'

/** What the engine itself does not keep of a container. */
export interface ContainerRecord extends Pick<ContainerConfig, 'name' | 'attempt' | 'image'> {
  imageRef?: string
  /** Of this machine. */
  logPath: string
  tty: boolean
  resources: Resources
}

export const readPod = (labels: Readonly<Record<string, string>>): SandboxConfig =>
  JSON.parse(labels[podLabel] ?? '{}') as SandboxConfig

export const readContainer = (labels: Readonly<Record<string, string>>): ContainerRecord =>
  JSON.parse(labels[containerLabel] ?? '{}') as ContainerRecord
