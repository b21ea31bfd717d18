import type { StorageClass } from 'kubernetes-types/storage/v1'
import type { Frozen, KubeObject } from '#shared/kube/object.ts'
import { compareQuantities } from '#shared/kube/quantity.ts'
import { persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import { internal } from '#shared/kube/status.ts'
import {
  betaStorageProvisioner,
  bindCompleted,
  boundByController,
  hasAccessModes,
  hasStorageClass,
  isBoundTo,
  sameMode,
  selectedNode,
  sizeOf,
  sizeWanted,
  storageClassOf,
  storageProvisioner,
  type Claim,
  type Volume,
} from '#shared/kube/storage.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { event, nothing, update, type Decision, type Step } from '../framework/action.ts'
import { bind, claimPhase } from './binding.ts'
import { bestMatch, type Candidates } from './matching.ts'

type Class = Frozen<StorageClass>

export interface ObservedClaim {
  readonly claim: Claim
  /** The volume that the claim names. */
  readonly volume: Volume | undefined
  readonly candidates: () => Candidates
  readonly storageClass: Class | undefined
  /** The class of claims that ask for none. */
  readonly defaultClass: () => Class | undefined
  /** Names of the pods that wait for the claim before they have a node. */
  readonly waitingPods: () => readonly string[]
}

const about = (claim: Claim) => referenceTo(persistentVolumeClaims, claim)
const normal = (claim: Claim, reason: string, message: string): Step => event(about(claim), 'Normal', reason, message)
const warning = (claim: Claim, reason: string, message: string): Step => event(about(claim), 'Warning', reason, message)
const quoted = (name: string | undefined): string => JSON.stringify(name ?? '')

/** Source: syncClaim. */
export function reconcileClaim(observed: ObservedClaim): Decision {
  const { claim } = observed
  if (claim.metadata?.annotations?.[bindCompleted] !== undefined) return { steps: keepBound(observed) }
  return { steps: claim.spec?.volumeName ? bindToNamed(observed) : findVolume(observed) }
}

function findVolume({ claim, candidates, storageClass, defaultClass, waitingPods }: ObservedClaim): readonly Step[] {
  const delayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer'
  const { meant, free } = candidates()
  const volume = bestMatch(claim, { meant, free: delayed ? [] : free })
  if (volume) return bind(claim, volume)
  const assigned = hasStorageClass(claim) ? undefined : defaultClass()?.metadata?.name
  if (assigned !== undefined)
    return [update(persistentVolumeClaims, { ...claim, spec: { ...claim.spec, storageClassName: assigned } })]
  const className = storageClassOf(claim)
  if (delayed && claim.metadata?.annotations?.[selectedNode] === undefined)
    return [waitForConsumer(claim, waitingPods()), ...claimPhase(claim, 'Pending')]
  if (className) return provision(claim, className, storageClass)
  const text = 'no persistent volumes available for this claim and no storage class is set'
  return [normal(claim, 'FailedBinding', text), ...claimPhase(claim, 'Pending')]
}

function waitForConsumer(claim: Claim, pods: readonly string[]): Step {
  if (!pods.length)
    return normal(claim, 'WaitForFirstConsumer', 'waiting for first consumer to be created before binding')
  const text = `waiting for ${pods.length > 1 ? 'pods' : 'pod'} ${pods.join(',')} to be scheduled`
  return normal(claim, 'WaitForPodScheduled', text)
}

/** Asks for a volume: a provisioner that knows its name in the annotation makes one. */
function provision(claim: Claim, className: string, storageClass: Class | undefined): readonly Step[] {
  if (!storageClass)
    return [warning(claim, 'ProvisioningFailed', `storageclass.storage.k8s.io ${quoted(className)} not found`)]
  const { provisioner } = storageClass
  if (provisioner.startsWith('kubernetes.io/'))
    return [warning(claim, 'ProvisioningFailed', `no volume plugin matched name: ${provisioner}`)]
  const told = normal(
    claim,
    'ExternalProvisioning',
    `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
  )
  const { annotations } = claim.metadata ?? {}
  if (annotations?.[storageProvisioner] === provisioner) return [told]
  const asked = { ...annotations, [betaStorageProvisioner]: provisioner, [storageProvisioner]: provisioner }
  return [update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations: asked } })]
}

/** The user asked for one volume and no other. */
function bindToNamed({ claim, volume }: ObservedClaim): readonly Step[] {
  const pending = claimPhase(claim, 'Pending')
  if (!volume) return pending
  const { name } = volume.metadata ?? {}
  if (!volume.spec?.claimRef) {
    const trouble = mismatch(claim, volume)
    if (!trouble) return bind(claim, volume)
    return [warning(claim, 'VolumeMismatch', `Cannot bind to requested volume ${quoted(name)}: ${trouble}`), ...pending]
  }
  if (isBoundTo(volume, claim)) return bind(claim, volume)
  const told = warning(claim, 'FailedBinding', `volume ${quoted(name)} already bound to a different claim.`)
  if (claim.metadata?.annotations?.[boundByController] === undefined) return [told, ...pending]
  // Somebody has taken the mark of a finished binding away.
  const { namespace, name: own } = claim.metadata
  const other = `${volume.spec.claimRef.namespace}/${volume.spec.claimRef.name}`
  const text = `invalid binding of claim ${quoted(`${namespace}/${own}`)} to volume ${quoted(name)}: volume already claimed by ${quoted(other)}`
  return [told, { verb: 'fail', error: internal(text) }]
}

/** Why a claim cannot have the volume that it names. Source: checkVolumeSatisfyClaim. */
function mismatch(claim: Claim, volume: Volume): string | undefined {
  if (volume.metadata?.deletionTimestamp) return `the volume is marked for deletion ${quoted(volume.metadata.name)}`
  if (compareQuantities(sizeOf(volume), sizeWanted(claim)) < 0) return 'requested PV is too small'
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match'
  if (!sameMode(claim, volume)) return 'incompatible volumeMode'
  return hasAccessModes(claim, volume) ? undefined : 'incompatible accessMode'
}

/** A claim that was bound stays bound, or is lost for good. */
function keepBound({ claim, volume }: ObservedClaim): readonly Step[] {
  const { volumeName } = claim.spec ?? {}
  if (!volumeName) return lost(claim, 'ClaimLost', 'Bound claim has lost reference to PersistentVolume.')
  if (volume && owns(volume, claim)) return bind(claim, volume)
  if (claim.status?.phase === 'Lost') return nothing.steps
  // Nothing leads back from lost, and the cache of volumes may be behind that of claims: the server has the last word.
  const judge = (live: KubeObject | undefined): readonly Step[] => {
    if (!live) return lost(claim, 'ClaimLost', 'Bound claim has lost its PersistentVolume.')
    if (owns(live as Volume, claim)) return bind(claim, live as Volume)
    return lostTo(claim)
  }
  return [{ verb: 'read', type: persistentVolumes, key: { name: volumeName }, then: judge }]
}

/** It is the claim's, or nobody's any more: a volume that came unbound is bound again. */
const owns = ({ spec }: Volume, { metadata }: Claim): boolean => !spec?.claimRef || spec.claimRef.uid === metadata?.uid

const lost = (claim: Claim, reason: string, text: string): readonly Step[] =>
  claimLost(claim, reason, `${text} Data on the volume is lost!`)

const lostTo = (claim: Claim): readonly Step[] =>
  claimLost(claim, 'ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly')

function claimLost(claim: Claim, reason: string, message: string): readonly Step[] {
  if (claim.status?.phase === 'Lost') return []
  return claimPhase(claim, 'Lost', { onSuccess: () => event(about(claim), 'Warning', reason, message) })
}
