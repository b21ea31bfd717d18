import type { ReplicationController } from 'kubernetes-types/core/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { replicationControllers } from '#shared/kube/resources.ts'
import { selectorOfLabels } from '#shared/kube/selectors.ts'
import type { Controller } from '../framework/controller.ts'
import { replicasController, type ReplicasDeps } from '../framework/replicas/controller.ts'

/** Keeps as many pods of each ReplicationController as it asks for. */
export const replicationController = (deps: ReplicasDeps): Controller =>
  replicasController(deps, {
    name: 'replication-controller',
    type: replicationControllers,
    selector: (set) => selectorOfLabels((set as Frozen<ReplicationController>).spec?.selector),
    countsTerminating: false,
  })
