import type { StorageClass } from 'kubernetes-types/storage/v1'
import { keyOf, type Frozen, type KubeObject } from '#shared/kube/object.ts'
import { persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '#shared/kube/resources.ts'
import { hasStorageClass, isDefaultClass, storageClassOf, type Claim, type Volume } from '#shared/kube/storage.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { claimKeysOf, podsOfClaim } from '../framework/support/claims.ts'
import { isPodTerminal } from '../framework/support/pods.ts'
import { reconcile, type Observed } from './reconcile.ts'

const claimOf = (namespace = '', name = ''): string => `claim/${namespace}/${name}`
const claimKey = ({ metadata }: Claim): string => claimOf(metadata?.namespace, metadata?.name)
const volumeKey = (name: string | undefined): string => `volume/${name ?? ''}`

/** The class of claims that have none yet; no class is called so. */
const undecided = '?'

/** Binds claims and volumes to each other, and lets go of volumes whose claims are gone. */
export function persistentVolumeController({ informers }: { informers: InformerFactory }): Controller {
  const claims = informers.for(persistentVolumeClaims)
  const volumes = informers.for(persistentVolumes)
  const classes = informers.for(storageClasses)
  const podInformer = informers.for(pods)
  const byClaim = podsOfClaim(podInformer)
  const naming = claims.index('volume', ({ spec }) => (spec?.volumeName ? [spec.volumeName] : []))
  const waiting = claims.index('unbound by class', (claim) => {
    if (claim.spec?.volumeName) return []
    return hasStorageClass(claim) ? [storageClassOf(claim)] : ['', undecided]
  })
  const free = volumes.index('free by class', (volume) => (volume.spec?.claimRef ? [] : [storageClassOf(volume)]))
  const meant = volumes.index('claim', ({ spec }) => (spec?.claimRef ? [referred(spec.claimRef)] : []))

  const unboundOf = (className: string) => waiting.get(className).map(claimKey)

  /** Whoever may want the volume now. */
  function claimsFor(volume: Volume, old: Volume | undefined): string[] {
    const { name } = volume.metadata ?? {}
    const keys = [volumeKey(name), ...naming.get(name ?? '').map(claimKey)]
    const { claimRef } = volume.spec ?? {}
    if (claimRef) keys.push(claimOf(claimRef.namespace, claimRef.name))
    // A change of phase alone makes it no more wanted than it was.
    else if (!old || old.status?.phase === volume.status?.phase) keys.push(...unboundOf(storageClassOf(volume)))
    return keys
  }

  return decider<Observed>({
    name: 'persistentvolume-controller',
    account: 'persistent-volume-binder',
    workers: 1,
    writesTo: [claims, volumes],
    watches: [
      watch(claims, (claim) => [
        claimKey(claim),
        ...meant.get(keyOf(claim as KubeObject)).map(({ metadata }) => volumeKey(metadata?.name)),
      ]),
      watch(volumes, claimsFor),
      watch(classes, (each) => [
        ...unboundOf(each.metadata?.name ?? ''),
        ...(isDefaultClass(each) ? unboundOf(undecided) : []),
      ]),
      watch(podInformer, (pod, old) => {
        if (pod.spec?.nodeName || old) return []
        return claimKeysOf(pod).flatMap((key) => {
          const claim = claims.lister.get(key)
          return claim && !claim.spec?.volumeName ? [claimKey(claim)] : []
        })
      }),
    ],
    observe(key) {
      const slash = key.indexOf('/')
      const [what, name] = [key.slice(0, slash), key.slice(slash + 1)]
      if (what === 'volume') {
        const volume = volumes.lister.get(name)
        const { claimRef } = volume?.spec ?? {}
        return volume && { volume, claim: claimRef && claims.lister.get(referred(claimRef)) }
      }
      const claim = claims.lister.get(name)
      if (!claim) return undefined
      const className = storageClassOf(claim)
      return {
        claim,
        volume: claim.spec?.volumeName ? volumes.lister.get(claim.spec.volumeName) : undefined,
        candidates: () => ({ meant: meant.get(name), free: free.get(className) }),
        storageClass: classes.lister.get(className),
        defaultClass: () => newestDefault(classes.lister.list()),
        waitingPods: () =>
          byClaim
            .get(name)
            .filter((pod) => !pod.spec?.nodeName && !isPodTerminal(pod))
            .map(({ metadata }) => metadata?.name ?? ''),
      }
    },
    reconcile,
  })
}

const referred = ({ namespace = '', name = '' }: { readonly namespace?: string; readonly name?: string }): string =>
  `${namespace}/${name}`

/** Of several the newest, then the first by name. Source: pkg/volume/util GetDefaultClass. */
function newestDefault(classes: readonly Frozen<StorageClass>[]): Frozen<StorageClass> | undefined {
  const order = ({ metadata: a }: Frozen<StorageClass>, { metadata: b }: Frozen<StorageClass>): number => {
    const [first, second] = [a?.creationTimestamp ?? '', b?.creationTimestamp ?? '']
    if (first !== second) return first > second ? -1 : 1
    return (a?.name ?? '') < (b?.name ?? '') ? -1 : 1
  }
  return classes.filter((each) => isDefaultClass(each)).sort(order)[0]
}
