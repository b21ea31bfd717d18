import type { ResourceRef } from '#shared/ipc/queries.ts'
import type { RowShape } from '../record.ts'
import { configMaps, secrets } from './config.ts'
import { events } from './events.ts'
import { nodes } from './nodes.ts'
import { pods } from './pods.ts'
import { services } from './services.ts'
import { traces } from './traces.ts'
import { deployments, replicaSets } from './workloads.ts'

const shapes: Record<string, RowShape> = {
  '/pods': pods,
  '/services': services,
  '/configmaps': configMaps,
  '/secrets': secrets,
  '/nodes': nodes,
  '/events': events,
  'apps/deployments': deployments,
  'apps/replicasets': replicaSets,
  'trace.wheelhouse.dev/traces': traces,
}

/** The columns of a kind that we know; undefined where the server's table serves. */
export const shapeOf = ({ group, plural }: Pick<ResourceRef, 'group' | 'plural'>): RowShape | undefined =>
  shapes[`${group}/${plural}`]
