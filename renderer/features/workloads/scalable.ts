import { kindId } from '../../data/kinds.ts'
import type { ResourceRef } from '#shared/ipc/queries.ts'

const scalable = new Set(['deployments.apps', 'replicasets.apps', 'statefulsets.apps', 'replicationcontrollers'])
const templated = new Set(['deployments.apps', 'statefulsets.apps', 'daemonsets.apps'])

export const canScale = (resource: ResourceRef): boolean => scalable.has(kindId(resource))
/** Has a rollout: can be restarted, rolled back, given another image. */
export const canRoll = (resource: ResourceRef): boolean => templated.has(kindId(resource))
export const canPause = (resource: ResourceRef): boolean => kindId(resource) === 'deployments.apps'
export const isCronJob = (resource: ResourceRef): boolean => kindId(resource) === 'cronjobs.batch'
export const isJob = (resource: ResourceRef): boolean => kindId(resource) === 'jobs.batch'
