import type { ObjectRef } from '#shared/ipc/objects.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import type { RequestHandlers } from '../channel/server.ts'
import type { Contexts } from '../connections/contexts.ts'
import { applyYaml } from './apply.ts'
import { editorSchema } from './editor-schema.ts'
import * as jobs from './jobs.ts'
import { fieldManager, objectPath, patchTypes } from './paths.ts'
import * as revisions from './revisions.ts'
import * as workloads from './workloads.ts'
import { writeYaml } from './yaml.ts'

type Names =
  | 'object.get'
  | 'object.yaml'
  | 'object.apply'
  | 'object.delete'
  | 'object.patch'
  | 'schema.editor'
  | (keyof RequestHandlers & `workload.${string}`)

export function objectRequests(contexts: Contexts): Pick<RequestHandlers, Names> {
  const to = ({ context }: Pick<ObjectRef, 'context'>) => contexts.connection(context)
  return {
    'object.get': async (ref, signal) => (await to(ref).json<unknown>(objectPath(ref), { signal })).value,
    'object.yaml': async (ref, signal) => {
      const { value } = await to(ref).json<KubeObject>(objectPath(ref), { signal })
      return { yaml: writeYaml(value), resourceVersion: value.metadata?.resourceVersion ?? '' }
    },
    'object.apply': ({ context, ...request }, signal) =>
      applyYaml(request, {
        connection: contexts.connection(context),
        kinds: (fresh) => contexts.kinds(context, fresh),
        signal,
      }),
    'object.delete': async ({ uid, propagation, force, ...ref }) => {
      await to(ref).json(objectPath(ref), {
        method: 'DELETE',
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: propagation ?? 'Background',
          // What was shown is deleted, not another of the same name that came since.
          ...(uid ? { preconditions: { uid } } : {}),
          ...(force ? { gracePeriodSeconds: 0 } : {}),
        },
      })
    },
    'object.patch': async ({ type, body, subresource, ...ref }) =>
      (
        await to(ref).json<unknown>(`${objectPath(ref, subresource)}?fieldManager=${fieldManager}`, {
          method: 'PATCH',
          body,
          contentType: patchTypes[type],
        })
      ).value,
    'workload.scale': ({ replicas, ...ref }) => workloads.scale(to(ref), ref, replicas),
    'workload.restart': (ref) => workloads.restart(to(ref), ref),
    'workload.pause': ({ paused, ...ref }) => workloads.pause(to(ref), ref, paused),
    'workload.setImage': ({ container, image, ...ref }) => workloads.setImage(to(ref), ref, container, image),
    'workload.revisions': (ref) => revisions.revisionsOf(to(ref), ref),
    'workload.rollback': ({ revision, ...ref }) => revisions.rollback(to(ref), ref, revision),
    'workload.trigger': (ref) => jobs.trigger(to(ref), ref),
    'workload.rerun': (ref) => jobs.rerun(to(ref), ref),
    'workload.suspend': ({ suspend, ...ref }) => workloads.suspend(to(ref), ref, suspend),
    'schema.editor': ({ context }, signal) => editorSchema(contexts.connection(context), signal),
  }
}
