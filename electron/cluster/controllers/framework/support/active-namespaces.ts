import { namespaces, type ResourceType } from '#shared/kube/resources.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import type { InformerFactory } from '../../../client/informer-factory.ts'
import type { CreateAction } from '../action.ts'
import { watch, type Watch } from '../controller.ts'

/**
 * For controllers that keep one object of a given name in each namespace: wakes when a namespace comes or that object
 * changes or goes. Keys are names of namespaces.
 */
export function onePerNamespace<T extends KubeObject>(
  informers: InformerFactory,
  type: ResourceType<T>,
  name: string,
): readonly Watch[] {
  return [
    watch(informers.for(namespaces), ({ metadata }) => [metadata?.name ?? '']),
    watch(informers.for(type), (object) => {
      const { name: own, namespace = '' } = (object as KubeObject).metadata ?? {}
      return own === name ? [namespace] : []
    }),
  ]
}

export const isActive = (
  namespace:
    | { readonly metadata?: { readonly deletionTimestamp?: string }; readonly status?: { readonly phase?: string } }
    | undefined,
): boolean =>
  namespace !== undefined && !namespace.metadata?.deletionTimestamp && namespace.status?.phase !== 'Terminating'

/** Somebody was faster, or the namespace began to end between looking and creating. */
export const tolerateRaces: Required<Pick<CreateAction, 'tolerate'>> = {
  tolerate: (error) =>
    error.reason === 'AlreadyExists' ||
    (error.status.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating'),
}
