import type { Pod } from 'kubernetes-types/core/v1'
import type { Index } from '../../../client/cache.ts'
import type { Informer } from '../../../client/informer.ts'

/** Pods by the node they are bound to. */
export const podsOfNode = (pods: Informer<Pod>): Index<Pod> =>
  pods.index('node', ({ spec }) => (spec?.nodeName ? [spec.nodeName] : []))
