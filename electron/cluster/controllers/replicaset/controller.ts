import type { ReplicaSet } from 'kubernetes-types/apps/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { replicaSets } from '#shared/kube/resources.ts'
import { selectorOf } from '#shared/kube/selectors.ts'
import type { Controller } from '../framework/controller.ts'
import { replicasController, type ReplicasDeps } from '../framework/replicas/controller.ts'

/** Keeps as many pods of each ReplicaSet as it asks for. */
export const replicaSetController = (deps: ReplicasDeps): Controller =>
  replicasController(deps, {
    name: 'replicaset-controller',
    type: replicaSets,
    selector: (set) => selectorOf((set as Frozen<ReplicaSet>).spec?.selector),
    countsTerminating: true,
  })
