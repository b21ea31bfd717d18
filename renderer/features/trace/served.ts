import { useWorkspace } from '../../app/workspace.ts'
import { kindId } from '../../data/kinds.ts'
import type { ResourceRef } from '#shared/ipc/queries.ts'

/** Whether the present cluster serves a kind of ours. */
export const isServed = (type: Pick<ResourceRef, 'group' | 'plural'>): boolean =>
  useWorkspace().kinds.some((kind) => kindId(kind) === kindId(type))
