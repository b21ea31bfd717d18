import type { Discovery, KubeClient } from '../../client/api.ts'
import type { Samples } from './pods.ts'

/** What a metrics API says of one metric: by pod, or one value for all, in thousandths; or why it says nothing. */
export type Reading = { readonly samples: Samples } | { readonly value: number } | { readonly failure: string }

export interface Place {
  readonly client: KubeClient
  readonly discovery: Discovery
  readonly namespace: string
  /** Of the pods, in its text form. */
  readonly selector: string
}
