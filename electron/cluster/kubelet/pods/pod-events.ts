import { pods } from '#shared/kube/resources.ts'
import { referenceTo, type EventRecorder } from '../../client/event-recorder.ts'
import { findContainer, type Pod } from '../types.ts'

export type EventType = 'Normal' | 'Warning'

const fields = { init: 'initContainers', regular: 'containers', ephemeral: 'ephemeralContainers' } as const

/** Events about pods and about their containers, which are named by the field of the pod that holds them. */
export class PodEvents {
  readonly #recorder: EventRecorder

  constructor(recorder: EventRecorder) {
    this.#recorder = recorder
  }

  pod(pod: Pod, type: EventType, reason: string, message: string): void {
    this.#recorder.event(referenceTo(pods, pod), type, reason, message)
  }

  container(pod: Pod, name: string, type: EventType, reason: string, message: string): void {
    const kind = findContainer(pod, name)?.kind ?? 'regular'
    const fieldPath = `spec.${fields[kind]}{${name}}`
    this.#recorder.event({ ...referenceTo(pods, pod), fieldPath }, type, reason, message)
  }
}
