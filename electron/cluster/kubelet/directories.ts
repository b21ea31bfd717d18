import path from 'node:path'
import { uidOf, type Pod } from './types.ts'

/** Of a volume that lives and ends with its pod. */
export const volumeDirectory = (podDirectory: string, plugin: string, name: string): string =>
  path.join(podDirectory, 'volumes', `kubernetes.io~${plugin}`, name)

/** Where a node keeps what belongs to its pods. */
export class NodeDirectories {
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  get pods(): string {
    return path.join(this.#root, 'pods')
  }

  /** Of our own provisioner: they outlive pods. */
  get volumes(): string {
    return path.join(this.#root, 'volumes')
  }

  /** Of static pods. */
  get manifests(): string {
    return path.join(this.#root, 'manifests')
  }

  /** Profiles that pods name with the type Localhost. */
  get seccomp(): string {
    return path.join(this.#root, 'seccomp')
  }

  get logs(): string {
    return path.join(this.#root, 'logs')
  }

  pod(uid: string): string {
    return path.join(this.pods, uid)
  }

  emptyDir(uid: string, name: string): string {
    return volumeDirectory(this.pod(uid), 'empty-dir', name)
  }

  /** As below /var/log/pods: `<namespace>_<name>_<uid>`. */
  podLogs(pod: Pod): string {
    return path.join(this.logs, `${pod.metadata?.namespace}_${pod.metadata?.name}_${uidOf(pod)}`)
  }

  containerLog(container: string, attempt: number): string {
    return path.join(container, `${attempt}.log`)
  }

  /** What the container writes to its termination message path. */
  terminationLog(uid: string, container: string, attempt: number): string {
    return path.join(this.pod(uid), 'containers', container, String(attempt))
  }
}
