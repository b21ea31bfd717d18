import type { Container, RuntimeContainer } from '../types.ts'
import type { ContainerToKill, PodActions } from './actions.ts'
import { containerResources, resizeOf } from './resources.ts'

/** Notes a running container that is to have other resources; answers why it must be restarted for them. */
export function resized(
  container: Container,
  status: RuntimeContainer,
  actions: PodActions,
): Pick<ContainerToKill, 'message' | 'reason'> | undefined {
  const how = resizeOf(container, status.resources)
  if (how === 'update')
    actions.update.push({ id: status.id, name: container.name, resources: containerResources(container) })
  if (how !== 'restart') return undefined
  return { message: `Container ${container.name} resize requires restart`, reason: 'other' }
}
