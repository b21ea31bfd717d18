import type * as core from 'kubernetes-types/core/v1'
import type * as events from 'kubernetes-types/events/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Loose } from '../../loose.ts'

/** The core group's form, which is the one that is stored. */
export type Event = KubeObject & Loose<Omit<core.Event, keyof KubeObject>>
/** The form of events.k8s.io. */
export type NewEvent = KubeObject & Loose<Omit<events.Event, keyof KubeObject>>
