import type { Deployment } from 'kubernetes-types/apps/v1'
import type { ObjectRef } from '#shared/ipc/objects.ts'
import type { ApiConnection } from '../connections/api-connection.ts'
import { Failure } from '../failure.ts'
import { fieldManager, objectPath, patchTypes } from './paths.ts'

/** Every change is the patch that kubectl would send. */
export async function patch(
  connection: ApiConnection,
  ref: ObjectRef,
  type: keyof typeof patchTypes,
  body: unknown,
  subresource?: string,
): Promise<void> {
  await connection.json(`${objectPath(ref, subresource)}?fieldManager=${fieldManager}`, {
    method: 'PATCH',
    body,
    contentType: patchTypes[type],
  })
}

export const scale = (connection: ApiConnection, ref: ObjectRef, replicas: number): Promise<void> =>
  patch(connection, ref, 'merge', { spec: { replicas } }, 'scale')

/** As `kubectl rollout restart`: an annotation of the pod template. */
export async function restart(connection: ApiConnection, ref: ObjectRef): Promise<void> {
  const { value } = await connection.json<Deployment>(objectPath(ref))
  if (value.spec?.paused)
    throw new Failure('Paused', `${ref.resource.kind} ${ref.name} is paused.`, 'Resume it first, then restart it.')
  const annotations = { 'kubectl.kubernetes.io/restartedAt': new Date().toISOString().replace(/\.\d+Z$/, 'Z') }
  await patch(connection, ref, 'strategic', { spec: { template: { metadata: { annotations } } } })
}

export const pause = (connection: ApiConnection, ref: ObjectRef, paused: boolean): Promise<void> =>
  patch(connection, ref, 'merge', { spec: { paused: paused || null } })

/** Cron jobs and jobs. */
export const suspend = (connection: ApiConnection, ref: ObjectRef, suspended: boolean): Promise<void> =>
  patch(connection, ref, 'merge', { spec: { suspend: suspended } })

/** As `kubectl set image`. A name that no container has would add a container, so it is refused. */
export async function setImage(
  connection: ApiConnection,
  ref: ObjectRef,
  container: string,
  image: string,
): Promise<void> {
  const { value } = await connection.json<Deployment>(objectPath(ref))
  const { containers = [], initContainers = [] } = value.spec?.template.spec ?? {}
  const named = ({ name }: { name: string }) => name === container
  const field = containers.some(named) ? 'containers' : initContainers.some(named) ? 'initContainers' : undefined
  if (!field)
    throw new Failure(
      'NotFound',
      `${ref.resource.kind} ${ref.name} has no container ${container}.`,
      `It has ${[...containers, ...initContainers].map(({ name }) => name).join(', ')}.`,
    )
  await patch(connection, ref, 'strategic', { spec: { template: { spec: { [field]: [{ name: container, image }] } } } })
}
