import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { claimKeysOfPod, claimNameOf, extendedClaimStatus, isReservedFor, podClaims } from '#shared/kube/pod-claims.ts'
import { pods, resourceClaims, resourceClaimTemplates } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, reads, watch, type Controller } from '../framework/controller.ts'
import { controllerOf } from '../framework/support/owner-references.ts'
import type { PodView } from '../framework/support/pods.ts'
import { isDone, reconcileClaim } from './claims.ts'
import { isMissing, reconcilePod } from './pods.ts'

const name = 'resource-claim-controller'
const eventSource = 'resource_claim'
/** Pods that are remembered to be gone: asking the server is saved for most. */
const mostGone = 500

/** Makes the claims of devices that pods have templates for, and frees those that nobody uses any more. */
export const resourceClaimControllers = ({ informers }: { informers: InformerFactory }): readonly Controller[] => [
  podClaimController(informers),
  claimUserController(informers),
]

const usesClaims = (pod: PodView): boolean => podClaims(pod).length > 0

/** Keys are pods. */
function podClaimController(informers: InformerFactory): Controller {
  const podInformer = informers.for(pods)
  const claims = informers.for(resourceClaims)
  const templates = informers.for(resourceClaimTemplates)
  const byClaim = podInformer.index('resource claim', claimKeysOfPod)
  const byTemplate = podInformer.index('resource claim template', (pod) =>
    podClaims(pod).flatMap(({ resourceClaimTemplateName: template }) =>
      template === undefined ? [] : [`${pod.metadata?.namespace}/${template}`],
    ),
  )
  const byOwner = claims.index('pod', (claim) => {
    const owner = controllerOf(claim)
    return owner?.kind === 'Pod' ? [owner.uid] : []
  })
  const claimIn = (pod: PodView) => (claim: string) => claims.lister.get(`${pod.metadata?.namespace}/${claim}`)
  const needsWork = (pod: PodView): boolean => {
    // What was made for a pod that has ended has just been deleted.
    if (!usesClaims(pod) || pod.metadata?.deletionTimestamp || isDone(pod)) return false
    const claim = claimIn(pod)
    return podClaims(pod).some((each) => {
      if (isMissing(each, { pod, claim })) return true
      const found = claimNameOf(pod, each)
      const known = typeof found === 'string' ? undefined : claim(found.name)
      return pod.spec?.nodeName && known?.status?.allocation && !isReservedFor(known, pod.metadata?.uid)
    })
  }
  const keysOf = (some: readonly PodView[]) => some.filter(needsWork).map((pod) => keyOf(pod as KubeObject))
  return decider({
    name,
    eventSource,
    workers: 10,
    writesTo: [claims, podInformer],
    watches: [
      watch(podInformer, (pod) => keysOf([pod])),
      watch(claims, (claim) => keysOf(byClaim.get(keyOf(claim as KubeObject)))),
      watch(templates, (template) => keysOf(byTemplate.get(keyOf(template as KubeObject)))),
    ],
    observe(key) {
      const pod = podInformer.lister.get(key)
      if (!pod || !needsWork(pod)) return undefined
      const namespace = pod.metadata?.namespace
      return {
        pod,
        claim: claimIn(pod),
        template: (template) => templates.lister.get(`${namespace}/${template}`),
        owned: byOwner.get(pod.metadata?.uid ?? ''),
      }
    },
    reconcile: reconcilePod,
  })
}

/** Keys are claims. */
function claimUserController(informers: InformerFactory): Controller {
  const podInformer = informers.for(pods)
  const claims = informers.for(resourceClaims)
  const gone = new Set<string>()
  const forget = (pod: PodView) => {
    if (!usesClaims(pod) && !extendedClaimStatus(pod)) return
    gone.add(pod.metadata?.uid ?? '')
    for (const oldest of gone) {
      if (gone.size <= mostGone) break
      gone.delete(oldest)
    }
  }
  return decider({
    name,
    eventSource,
    workers: 10,
    writesTo: [claims],
    watches: [
      watch(
        podInformer,
        (pod) => {
          const keys = claimKeysOfPod(pod)
          return keys.length && (gone.has(pod.metadata?.uid ?? '') || isDone(pod)) ? keys : []
        },
        { onDelete: forget },
      ),
      watch(claims, (claim) => [keyOf(claim as KubeObject)]),
      reads(podInformer),
    ],
    observe(key) {
      const claim = claims.lister.get(key)
      const namespace = claim?.metadata?.namespace
      return (
        claim && {
          claim,
          pod: (pod) => podInformer.lister.get(`${namespace}/${pod}`),
          isGone: (uid) => gone.has(uid),
        }
      )
    },
    reconcile: reconcileClaim,
  })
}
