import { Disposer } from '../base/dispose.ts'
import type { Clock } from '../base/clock.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { Trace } from '../base/trace.ts'
import type { Discovery, KubeClient } from '../client/api.ts'
import { ApiEventRecorder } from '../client/event-recorder.ts'
import type { InformerFactory } from '../client/informer-factory.ts'
import { attachDetachController } from './attach-detach/controller.ts'
import { certificateApprover } from './certificates/approver.ts'
import { certificateCleaner } from './certificates/cleaner.ts'
import { certificateSigner, type SignRequest } from './certificates/signer.ts'
import { clusterRoleAggregationController } from './clusterrole-aggregation/controller.ts'
import { cronJobController } from './cronjob/controller.ts'
import { daemonSetController } from './daemonset/controller.ts'
import { deploymentController } from './deployment/controller.ts'
import { deviceTaintEvictionController } from './device-taint-eviction/controller.ts'
import { disruptionController } from './disruption/controller.ts'
import { disruptedPodController } from './disruption/pods.ts'
import { endpointsController } from './endpoints/controller.ts'
import { endpointSliceController } from './endpointslice/controller.ts'
import { endpointSliceMirroringController } from './endpointslice-mirroring/controller.ts'
import { ephemeralVolumeController } from './ephemeral-volume/controller.ts'
import { expandController } from './expand/controller.ts'
import { startController, type Controller } from './framework/controller.ts'
import { garbageCollector } from './garbage-collector/controller.ts'
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler/controller.ts'
import { hostDirectoryProvisioner } from './host-directory/controller.ts'
import { jobController } from './job/controller.ts'
import { jobPodReleaser } from './job/release.ts'
import { legacyTokenCleaner } from './legacy-token-cleaner/controller.ts'
import { namespaceController } from './namespace/controller.ts'
import { nodeIpamController } from './node-ipam/controller.ts'
import { nodeLifecycleController } from './node-lifecycle/controller.ts'
import { persistentVolumeController } from './persistent-volume/controller.ts'
import { podGarbageCollector } from './pod-gc/controller.ts'
import { volumeProtectionController } from './pv-protection/controller.ts'
import { claimProtectionController } from './pvc-protection/controller.ts'
import { replicaSetController } from './replicaset/controller.ts'
import { replicationController } from './replicationcontroller/controller.ts'
import { resourceClaimControllers } from './resource-claim/controller.ts'
import { resourceQuotaController } from './resourcequota/controller.ts'
import { rootCaPublisher } from './root-ca-publisher/controller.ts'
import { serviceAllocationControllers } from './service-allocations/controller.ts'
import { serviceLoadBalancerController } from './service-lb/controller.ts'
import { serviceAccountController } from './serviceaccount/controller.ts'
import { serviceAccountTokenController } from './serviceaccount-token/controller.ts'
import type { SignToken } from './serviceaccount-token/reconcile.ts'
import { statefulSetController } from './statefulset/controller.ts'
import { taintEvictionController } from './taint-eviction/controller.ts'
import { ttlAfterFinishedController } from './ttl-after-finished/controller.ts'

/** Who a component is to the API server. */
export interface Identity {
  readonly name: string
  readonly groups: readonly string[]
}

export interface ControllersDeps {
  readonly client: (identity: Identity) => KubeClient
  /** Caches that other loops of the process share. */
  readonly informers: InformerFactory
  readonly discovery: Discovery
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly trace: Trace
  /** The certificate that pods verify the API server with, PEM. */
  readonly rootCa: string
  /** The range of all pods, of which each node gets a /24. */
  readonly podCidr: string
  /** Signs service-account tokens that a secret holds. */
  readonly signToken: SignToken
  /** Signs certificates that were asked for and approved. */
  readonly signRequest: SignRequest
}

/** Reads for all, the scheduler too; RBAC lets it list and watch everything. */
export const reader: Identity = { name: 'system:kube-controller-manager', groups: [] }

const serviceAccount = (name: string): Identity => ({
  name: `system:serviceaccount:kube-system:${name}`,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system'],
})

/** What upstream has in the API server. */
const apiServer: Identity = { name: 'system:apiserver', groups: ['system:masters'] }

/** Few act as the controller manager itself, or as the API server. */
const identityOf = ({ account, name }: Controller): Identity =>
  [reader, apiServer].find((identity) => identity.name === account) ?? serviceAccount(account ?? name)

/** Starts every controller, each with its own identity and rights. */
export async function startControllers(deps: ControllersDeps): Promise<AsyncDisposable> {
  const owned = new Disposer()
  const { clock, random, logger, trace } = deps
  for (const controller of controllers(deps)) {
    const identity = identityOf(controller)
    const client = deps.client(identity)
    const source = { component: controller.eventSource ?? controller.name }
    const recorder = owned.own(new ApiEventRecorder({ client, clock, logger, source }))
    owned.own(startController({ user: identity.name, client, recorder, clock, random, logger, trace }, controller))
  }
  return owned
}

/** Those that read whole objects come first: the garbage collector then shares their caches. */
function controllers(deps: ControllersDeps): readonly Controller[] {
  const { informers, clock, logger, discovery, rootCa, podCidr, signToken, signRequest } = deps
  const clientOf = (account: string) => deps.client(serviceAccount(account))
  return [
    deploymentController({ informers }),
    replicaSetController({ informers, clock }),
    replicationController({ informers, clock }),
    statefulSetController({ informers }),
    daemonSetController({ informers, clock }),
    jobController({ informers, clock }),
    jobPodReleaser({ informers }),
    cronJobController({ informers, clock, client: clientOf('cronjob-controller') }),
    ttlAfterFinishedController({ informers, clock }),
    disruptionController({ informers, discovery, client: clientOf('disruption-controller') }),
    disruptedPodController({ informers }),
    resourceQuotaController({ informers, discovery }),
    endpointSliceController({ informers }),
    endpointSliceMirroringController({ informers }),
    endpointsController({ informers }),
    ...serviceAllocationControllers({ informers }),
    serviceLoadBalancerController({ informers }),
    serviceAccountController({ informers }),
    serviceAccountTokenController({ informers, rootCa, sign: signToken }),
    legacyTokenCleaner({ informers }),
    rootCaPublisher({ informers, rootCa }),
    clusterRoleAggregationController({ informers }),
    certificateApprover({ informers, client: clientOf('certificate-controller') }),
    certificateSigner({ informers, sign: signRequest }),
    certificateCleaner({ informers }),
    horizontalPodAutoscaler({ informers, discovery, clock, client: clientOf('horizontal-pod-autoscaler') }),
    nodeIpamController({ informers, podCidr }),
    nodeLifecycleController({ informers, clock }),
    taintEvictionController({ informers, clock }),
    deviceTaintEvictionController({ informers, clock }),
    ...resourceClaimControllers({ informers }),
    podGarbageCollector({ informers }),
    persistentVolumeController({ informers }),
    hostDirectoryProvisioner({ informers }),
    ephemeralVolumeController({ informers }),
    attachDetachController({ informers, clock }),
    expandController({ informers }),
    claimProtectionController({ informers, client: clientOf('pvc-protection-controller') }),
    volumeProtectionController({ informers }),
    namespaceController({ informers, discovery, client: clientOf('namespace-controller') }),
    garbageCollector({ informers, discovery, clock, logger, client: clientOf('generic-garbage-collector') }),
  ]
}
