import type { KubeObject } from '#shared/kube/object.ts'
import { notFound } from '#shared/kube/status.ts'
import { ExpectationError } from '../../store/api.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import type { ActionServices, SignedToken, TokenRequestInput, UserInfo } from '../registry/kind.ts'
import { translateStoreError } from '../storage/errors.ts'
import { deleteObject } from './delete.ts'
import { freshly } from './freshly.ts'
import type { Core, Operation } from './operation.ts'

const ownUser: UserInfo = { name: 'system:apiserver', groups: ['system:masters'] }

type Resource = { group: string; plural: string }

/** What actions and admission may ask of the server: reads of the committed state, and writes past admission. */
export function actionServices(
  core: () => Core,
  signToken: (request: TokenRequestInput) => SignedToken,
): ActionServices {
  const kindOf = ({ group, plural }: Resource): ServedKind => {
    const kind = core().kinds.resource(group, plural)
    if (!kind?.stored) throw notFound({ group, plural }, '')
    return kind
  }
  const read = (resource: Resource, namespace: string | undefined, name: string): KubeObject | undefined => {
    const kind = core().kinds.resource(resource.group, resource.plural)
    const entry = kind?.stored ? kind.objects.get(kind.objects.keyOf(namespace, name)) : undefined
    return entry && kind!.object(entry)
  }
  const update = async (
    resource: Resource,
    namespace: string | undefined,
    name: string,
    change: (object: KubeObject) => void,
  ) => {
    const kind = kindOf(resource)
    const { objects } = kind
    const key = objects.keyOf(namespace, name)
    await freshly(kind)
    for (;;) {
      const entry = objects.latest(key)
      if (!entry) throw notFound(resource, name)
      const object = kind.copy(entry)
      change(object)
      try {
        return kind.object(await objects.put(key, await kind.toStored(object), entry.revision))
      } catch (error) {
        if (!(error instanceof ExpectationError)) throw translateStoreError(error)
      }
    }
  }
  return {
    get: <T extends KubeObject>(resource: Resource, namespace: string | undefined, name: string) =>
      read(resource, namespace, name) as T | undefined,
    list<T extends KubeObject>(resource: Resource, namespace: string | undefined) {
      const kind = kindOf(resource)
      return kind.objects.store.range(kind.objects.prefixOf(namespace)).map((entry) => kind.object(entry) as T)
    },
    update: async <T extends KubeObject>(
      resource: Resource,
      namespace: string | undefined,
      name: string,
      change: (object: T) => void,
    ) => (await update(resource, namespace, name, change as (object: KubeObject) => void)) as T,
    async delete(resource, namespace, name, { gracePeriodSeconds, uid, dryRun = false, user = ownUser }) {
      const op: Operation = {
        kind: kindOf(resource),
        subresource: undefined,
        namespace,
        name,
        user,
        dryRun,
        manager: 'kube-apiserver',
        warn: () => {},
      }
      await deleteObject(core(), op, { gracePeriodSeconds, preconditions: { uid } })
    },
    signToken: async (request) => signToken(request),
  }
}
