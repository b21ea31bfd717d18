import type { Pod } from 'kubernetes-types/core/v1'
import type { Index } from '../../../client/cache.ts'
import type { Informer } from '../../../client/informer.ts'
import type { PodView } from './pods.ts'

/** Keys of the claims that a pod names, those that are made for it among them. */
export const claimKeysOf = ({ metadata, spec }: PodView): readonly string[] =>
  (spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    const claim = persistentVolumeClaim?.claimName ?? (ephemeral ? `${metadata?.name}-${name}` : undefined)
    return claim === undefined ? [] : [`${metadata?.namespace ?? ''}/${claim}`]
  })

/** Pods by the keys of the claims that they name. */
export const podsOfClaim = (pods: Informer<Pod>): Index<Pod> => pods.index('claim', claimKeysOf)
