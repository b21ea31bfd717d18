import type { KubeObject } from '#shared/kube/object.ts'
import { kinds } from '../registry/index.ts'
import type { ActionServices, AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'

type Resource = { group: string; plural: string }

const keyOf = ({ group, plural }: Resource): string => `${group}/${plural}`

/** A cluster of a few objects, by `group/plural`, for plug-ins to look at. */
export function cluster(objects: Readonly<Record<string, KubeObject[]>>): ActionServices {
  const inNamespace = (resource: Resource, namespace: string | undefined) =>
    (objects[keyOf(resource)] ?? []).filter(
      ({ metadata }) => namespace === undefined || metadata?.namespace === namespace,
    )
  const find = (resource: Resource, namespace: string | undefined, name: string) =>
    inNamespace(resource, namespace).find(({ metadata }) => metadata?.name === name)
  return {
    get: <T extends KubeObject>(resource: Resource, namespace: string | undefined, name: string) =>
      find(resource, namespace, name) as T | undefined,
    list: <T extends KubeObject>(resource: Resource, namespace: string | undefined) =>
      inNamespace(resource, namespace) as unknown as readonly T[],
    update<T extends KubeObject>(
      resource: Resource,
      namespace: string | undefined,
      name: string,
      change: (object: T) => void,
    ) {
      const object = find(resource, namespace, name) as T
      change(object)
      return Promise.resolve(object)
    },
    delete: () => Promise.resolve(),
    signToken: () => Promise.resolve({ token: '', expirationTimestamp: '', audiences: [] }),
  }
}

export interface Asked extends Partial<Omit<AdmissionRequest, 'kind' | 'warn'>> {
  warnings?: string[]
}

/** A request to create the object, unless `more` says otherwise. */
export function request(
  resource: string,
  object: KubeObject | undefined,
  { warnings, ...more }: Asked = {},
): AdmissionRequest {
  const kind = kinds.find((each) => keyOf(each) === resource)!
  return {
    operation: 'CREATE',
    kind,
    subresource: '',
    namespace: kind.namespaced ? 'a' : undefined,
    name: object?.metadata?.name ?? '',
    object,
    old: undefined,
    user: { name: 'jane', groups: [] },
    dryRun: false,
    warn: (text) => warnings?.push(text),
    services: cluster({}),
    ...more,
  }
}

/** What the plug-in says against the request; '' when nothing. */
export async function refusal(plugin: AdmissionPlugin, asked: AdmissionRequest): Promise<string> {
  try {
    await plugin.mutate?.(asked)
    await plugin.validate?.(asked)
    return ''
  } catch (error) {
    return (error as Error).message
  }
}
