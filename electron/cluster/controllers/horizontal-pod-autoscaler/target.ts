import type { ResourceType } from '#shared/kube/resources.ts'
import type { Discovery, KubeClient } from '../../client/api.ts'
import type { Autoscaler, Scale } from './types.ts'

/** What is scaled: under which resource, and how it stands. */
export interface Target {
  /** Of the scale, not of the object that it is of. */
  readonly type: ResourceType<Scale>
  readonly scale: Scale
}

/** Reads the scale live, of whichever resource has this kind; or says in upstream's words why not. Never rejects. */
export async function findTarget(
  { client, discovery }: { client: KubeClient; discovery: Discovery },
  { metadata, spec }: Autoscaler,
): Promise<Target | { readonly failure: string }> {
  const { apiVersion = '', kind = '', name = '' } = spec?.scaleTargetRef ?? {}
  const parts = apiVersion.split('/')
  if (parts.length > 2) return { failure: `unexpected GroupVersion string: ${apiVersion}` }
  const group = parts.length === 2 ? parts[0]! : ''
  try {
    const { resources } = await discovery.resources()
    const types = resources.filter(
      (each): each is typeof each & ResourceType<Scale> => each.group === group && each.kind === kind,
    )
    if (!types.length) return { failure: `no matches for kind "${kind}" in group "${group}"` }
    let first: unknown
    for (const type of types) {
      try {
        const scale = await client.get(type, { namespace: metadata?.namespace, name }, { subresource: 'scale' })
        return { type, scale }
      } catch (error) {
        first ??= error
      }
    }
    throw first
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}
