import type { Node } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { compareQuantities } from '#shared/kube/quantity.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import {
  hasAccessModes,
  isBoundTo,
  isInTopology,
  isReachableFrom,
  sameMode,
  selectedNode,
  sizeOf,
  sizeWanted,
  storageClassOf,
  type Claim,
  type Volume,
} from '#shared/kube/storage.ts'
import type { ClusterState } from '../cluster-state.ts'
import { isBound } from './volume-claims.ts'

/** What has to happen to a pod's claims before it can run on a node. */
export interface VolumePlan {
  readonly bind: readonly { readonly claim: Claim; readonly volume: Volume }[]
  readonly provision: readonly Claim[]
}

const affinityConflict = "node(s) didn't match PersistentVolume's node affinity"
const bindConflict = "node(s) didn't find available persistent volumes to bind"
const volumeMissing = 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)'
/** The provisioner of classes whose volumes are made by hand. */
const nobody = 'kubernetes.io/no-provisioner'

/** How the claims can be had on a node, or why not. Source: volumeBinder.FindPodVolumes. */
export function planVolumes(
  claims: readonly Claim[],
  node: Frozen<Node>,
  state: ClusterState,
): VolumePlan | { readonly reasons: readonly string[] } {
  const { surroundings } = state
  const reasons = new Set<string>()
  const bind: { claim: Claim; volume: Volume }[] = []
  const provision: Claim[] = []
  for (const claim of claims) {
    if (isBound(claim)) {
      const volume = surroundings.volume(claim.spec!.volumeName!)
      if (!volume) reasons.add(volumeMissing)
      else if (!isReachableFrom(volume, node)) reasons.add(affinityConflict)
      continue
    }
    const selected = claim.metadata?.annotations?.[selectedNode]
    if (selected !== undefined && selected !== node.metadata?.name) {
      reasons.add(bindConflict)
      continue
    }
    const taken = new Set(bind.map(({ volume }) => volume.metadata?.name))
    const free = surroundings.volumes(storageClassOf(claim)).filter(({ metadata }) => !taken.has(metadata?.name))
    const volume = selected === undefined ? bestVolume(claim, free, node, state) : undefined
    if (volume) bind.push({ claim, volume })
    else if (canProvision(claim, node, state)) provision.push(claim)
    else reasons.add(bindConflict)
  }
  return reasons.size ? { reasons: [...reasons] } : { bind, provision }
}

/** The smallest volume that will do, or the one that is meant for the claim. Source: volume.FindMatchingVolume. */
function bestVolume(
  claim: Claim,
  volumes: readonly Volume[],
  node: Frozen<Node>,
  { reservedVolumes }: ClusterState,
): Volume | undefined {
  const { name, namespace } = claim.metadata ?? {}
  const size = sizeWanted(claim)
  const selector = claim.spec?.selector && selectorOf(claim.spec.selector)
  let best: Volume | undefined
  for (const volume of volumes) {
    const { spec, status, metadata } = volume
    const reserved = reservedVolumes.get(metadata?.name ?? '')
    if (metadata?.deletionTimestamp || (reserved !== undefined && reserved !== `${namespace}/${name}`)) continue
    if (!sameMode(claim, volume) || !hasAccessModes(claim, volume)) continue
    if (compareQuantities(sizeOf(volume), size) < 0 || !isReachableFrom(volume, node)) continue
    if (spec?.claimRef) {
      if (isBoundTo(volume, claim)) return volume
      continue
    }
    if (status?.phase !== 'Available' || (selector && !matches(selector, metadata?.labels))) continue
    if (!best || compareQuantities(sizeOf(volume), sizeOf(best)) < 0) best = volume
  }
  return best
}

function canProvision(claim: Claim, node: Frozen<Node>, { surroundings }: ClusterState): boolean {
  const storageClass = surroundings.storageClass(storageClassOf(claim))
  if (!storageClass || storageClass.provisioner === nobody || claim.spec?.selector) return false
  const terms = storageClass.allowedTopologies
  return !terms?.length || terms.some((term) => isInTopology(node.metadata?.labels, term))
}
