import type { Node, PersistentVolume } from 'kubernetes-types/core/v1'
import type { StorageClass } from 'kubernetes-types/storage/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { nodes, persistentVolumeClaims, persistentVolumes } from '#shared/kube/resources.ts'
import { isAlreadyExists } from '#shared/kube/status.ts'
import {
  bindCompleted,
  claimReference,
  hostDirectory,
  hostDirectoryFinalizer,
  isInTopology,
  provisionedBy,
  selectedNode,
  storageProvisioner,
  volumesDirectory,
  type Claim,
} from '#shared/kube/storage.ts'
import { referenceTo } from '../../client/event-recorder.ts'
import { create, event, update, type Step } from '../framework/action.ts'
import { findCondition } from '../framework/support/conditions.ts'

type NodeView = Frozen<Node>

export interface ObservedClaim {
  readonly claim: Claim
  readonly storageClass: Frozen<StorageClass> | undefined
  readonly node: (name: string) => NodeView | undefined
  readonly nodes: () => readonly NodeView[]
  /** How many volumes of ours a node has. */
  readonly volumesOn: (node: string) => number
}

/** What a volume of a simulated node is said to be. */
const nowhere = '/var/lib/wheelhouse/volumes'

/** Makes the volume that a claim asks us for. Its name is the claim's uid: however often this is done, there is one. */
export function provision(observed: ObservedClaim): readonly Step[] {
  const { claim, storageClass, node, nodes: all } = observed
  const { annotations, deletionTimestamp } = claim.metadata ?? {}
  if (claim.spec?.volumeName || deletionTimestamp || annotations?.[bindCompleted] !== undefined) return []
  if (annotations?.[storageProvisioner] !== hostDirectory || storageClass?.provisioner !== hostDirectory) return []
  const selected = annotations[selectedNode]
  if (selected === undefined && storageClass.volumeBindingMode === 'WaitForFirstConsumer') return []
  const trouble = unsupported(claim, storageClass)
  if (trouble) return [failed(claim, storageClass, trouble)]
  if (selected === undefined) {
    const place = emptiest(
      all().filter((each) => mayHold(each, storageClass)),
      observed.volumesOn,
    )
    return place ? make(claim, storageClass, place) : [failed(claim, storageClass, 'no node is ready to hold a volume')]
  }
  const place = node(selected)
  if (place) return make(claim, storageClass, place)
  // A node that is gone is no place for a volume: the scheduler shall choose again.
  return [
    {
      verb: 'read',
      type: nodes,
      key: { name: selected },
      then: (live) => (live ? make(claim, storageClass, live as NodeView) : chooseAgain(claim, storageClass, selected)),
    },
  ]
}

const about = (claim: Claim) => referenceTo(persistentVolumeClaims, claim)

const failed = (claim: Claim, { metadata }: Frozen<StorageClass>, why: string): Step => {
  const text = `failed to provision volume with StorageClass ${JSON.stringify(metadata?.name)}: ${why}`
  return event(about(claim), 'Warning', 'ProvisioningFailed', text)
}

function unsupported({ spec }: Claim, { metadata, mountOptions }: Frozen<StorageClass>): string | undefined {
  if (spec?.selector) return 'claim Selector is not supported'
  if (spec?.volumeMode === 'Block') return 'block volumes are not supported'
  if (spec?.dataSource ?? (spec as { dataSourceRef?: object } | undefined)?.dataSourceRef)
    return 'volumes with a data source are not supported'
  if (!mountOptions?.length) return undefined
  const options = `[${mountOptions.join(' ')}]`
  return `Mount options are not supported by the provisioner but StorageClass ${JSON.stringify(metadata?.name)} has mount options ${options}`
}

function mayHold({ metadata, status }: NodeView, { allowedTopologies }: Frozen<StorageClass>): boolean {
  if (metadata?.deletionTimestamp || findCondition(status?.conditions, 'Ready')?.status !== 'True') return false
  return !allowedTopologies?.length || allowedTopologies.some((term) => isInTopology(metadata?.labels, term))
}

/** Real nodes before simulated ones, then the one with the fewest volumes. */
function emptiest(all: readonly NodeView[], volumesOn: (node: string) => number): NodeView | undefined {
  const nameOf = ({ metadata }: NodeView) => metadata?.name ?? ''
  const isReal = ({ metadata }: NodeView) => metadata?.annotations?.[volumesDirectory] !== undefined
  const real = all.filter(isReal)
  return [...(real.length ? real : all)].sort(
    (a, b) => volumesOn(nameOf(a)) - volumesOn(nameOf(b)) || (nameOf(a) < nameOf(b) ? -1 : 1),
  )[0]
}

function make(claim: Claim, storageClass: Frozen<StorageClass>, node: NodeView): readonly Step[] {
  const volume = volumeFor(claim, storageClass, node)
  const { namespace, name } = claim.metadata ?? {}
  const told = `External provisioner is provisioning volume for claim ${JSON.stringify(`${namespace}/${name}`)}`
  return [
    event(about(claim), 'Normal', 'Provisioning', told),
    create(persistentVolumes, volume, {
      tolerate: isAlreadyExists,
      onSuccess: () =>
        event(
          about(claim),
          'Normal',
          'ProvisioningSucceeded',
          `Successfully provisioned volume ${volume.metadata?.name}`,
        ),
    }),
  ]
}

function volumeFor(claim: Claim, storageClass: Frozen<StorageClass>, node: NodeView): PersistentVolume {
  const { uid = '' } = claim.metadata ?? {}
  const { labels, annotations, name: nodeName = '' } = node.metadata ?? {}
  const volumeName = `pvc-${uid}`
  const hostname = labels?.['kubernetes.io/hostname'] ?? nodeName
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName,
      annotations: { [provisionedBy]: hostDirectory },
      finalizers: [hostDirectoryFinalizer],
    },
    spec: {
      capacity: { storage: claim.spec?.resources?.requests?.['storage'] ?? '0' },
      accessModes: [...(claim.spec?.accessModes ?? [])],
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata?.name ?? '',
      volumeMode: 'Filesystem',
      claimRef: claimReference(claim),
      local: { path: `${annotations?.[volumesDirectory] ?? nowhere}/${volumeName}` },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [hostname] }] },
          ],
        },
      },
    },
  }
}

function chooseAgain(claim: Claim, storageClass: Frozen<StorageClass>, gone: string): readonly Step[] {
  const { [selectedNode]: _gone, ...annotations } = claim.metadata?.annotations ?? {}
  return [
    failed(claim, storageClass, `failed to get target node: node ${JSON.stringify(gone)} not found`),
    update(persistentVolumeClaims, { ...claim, metadata: { ...claim.metadata, annotations } }),
  ]
}
