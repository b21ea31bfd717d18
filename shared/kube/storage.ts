import type { Node, PersistentVolume, PersistentVolumeClaim, TopologySelectorTerm } from 'kubernetes-types/core/v1'
import { matchesTerm } from './node-affinity.ts'
import type { Frozen } from './object.ts'
import { parseQuantity, type Quantity } from './quantity.ts'

export type Claim = Frozen<PersistentVolumeClaim>
export type Volume = Frozen<PersistentVolume>

/** On a claim: it was bound once, and is never bound to anything else. */
export const bindCompleted = 'pv.kubernetes.io/bind-completed'
/** On a claim or a volume: the controller chose the other side, and may undo that. */
export const boundByController = 'pv.kubernetes.io/bound-by-controller'
/** On a volume: who made it. */
export const provisionedBy = 'pv.kubernetes.io/provisioned-by'
/** On a claim: who is to make its volume. */
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner'
export const betaStorageProvisioner = 'volume.beta.kubernetes.io/storage-provisioner'
/** On a claim: where the scheduler wants its volume. */
export const selectedNode = 'volume.kubernetes.io/selected-node'
export const claimProtection = 'kubernetes.io/pvc-protection'
export const volumeProtection = 'kubernetes.io/pv-protection'

/** Our provisioner: directories of the machine, below the data directory of the node that they belong to. */
export const hostDirectory = 'wheelhouse.dev/host-directory'
/** Keeps a volume of ours in the API until its directory is gone. */
export const hostDirectoryFinalizer = 'wheelhouse.dev/host-directory'
/** On a node that has directories: where they lie. Simulated nodes have none. */
export const volumesDirectory = 'wheelhouse.dev/volumes-directory'
/** On a node: its volumes are attached for it, not by its kubelet. */
export const attachedByController = 'volumes.kubernetes.io/controller-managed-attach-detach'

const betaClass = 'volume.beta.kubernetes.io/storage-class'

/** The storage class of a claim or a volume; '' for none. */
export const storageClassOf = ({ metadata, spec }: Claim | Volume): string =>
  metadata?.annotations?.[betaClass] ?? spec?.storageClassName ?? ''

/** Somebody chose a class for the claim, be it none. */
export const hasStorageClass = ({ metadata, spec }: Claim): boolean =>
  metadata?.annotations?.[betaClass] !== undefined || spec?.storageClassName !== undefined

type Resources = { readonly [name: string]: unknown } | undefined

const storageOf = (resources: Resources): Quantity => parseQuantity((resources?.['storage'] as string) ?? '0')

export const sizeOf = ({ spec }: Volume): Quantity => storageOf(spec?.capacity)
export const sizeWanted = ({ spec }: Claim): Quantity => storageOf(spec?.resources?.requests)

/** The volume names this claim, and has not been another's of the same name. */
export function isBoundTo({ spec }: Volume, { metadata }: Claim): boolean {
  const { name, namespace, uid } = spec?.claimRef ?? {}
  return name === metadata?.name && namespace === metadata?.namespace && (!uid || uid === metadata?.uid)
}

const modeOf = ({ spec }: Claim | Volume): string => spec?.volumeMode ?? 'Filesystem'

export const sameMode = (claim: Claim, volume: Volume): boolean => modeOf(claim) === modeOf(volume)

export const hasAccessModes = ({ spec }: Claim, volume: Volume): boolean =>
  (spec?.accessModes ?? []).every((mode) => volume.spec?.accessModes?.includes(mode))

/** How a volume names its claim. */
export function claimReference({ metadata }: Claim): NonNullable<NonNullable<Volume['spec']>['claimRef']> {
  const { name = '', namespace = '', uid = '', resourceVersion } = metadata ?? {}
  const version = resourceVersion === undefined ? {} : { resourceVersion }
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, ...version }
}

/** Whether the volume can be had on a node. */
export function isReachableFrom({ spec }: Volume, node: Frozen<Node>): boolean {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms
  return !terms || terms.some((term) => matchesTerm(term, node))
}

/** Whether a node with these labels is where a class may have volumes. */
export const isInTopology = (
  labels: Readonly<Record<string, string>> | undefined,
  { matchLabelExpressions = [] }: Frozen<TopologySelectorTerm>,
): boolean => matchLabelExpressions.every(({ key, values }) => values.includes(labels?.[key] ?? ''))

const defaultClass = ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class']

export const isDefaultClass = ({
  metadata,
}: {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> }
}): boolean => defaultClass.some((key) => metadata?.annotations?.[key] === 'true')

export const isHostDirectory = ({ metadata }: Volume): boolean =>
  metadata?.annotations?.[provisionedBy] === hostDirectory

/** The node that a volume of ours belongs to: its node affinity, which nobody can change. */
export const nodeOfHostDirectory = ({ spec }: Volume): string | undefined =>
  spec?.nodeAffinity?.required?.nodeSelectorTerms[0]?.matchExpressions?.find(
    ({ key }) => key === 'kubernetes.io/hostname',
  )?.values?.[0]
