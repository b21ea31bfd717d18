import type { Pod } from 'kubernetes-types/core/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import { pods, type ResourceType } from '#shared/kube/resources.ts'
import { StatusError } from '#shared/kube/status.ts'
import type { Discovery, KubeClient, ServedResource } from '../../client/api.ts'
import { remove, type Decision } from '../framework/action.ts'
import type { Outcome } from './conditions.ts'

export interface ContentDeps {
  readonly client: KubeClient
  readonly discovery: Discovery
  /** Carries out deletions. */
  readonly decide: (decision: Decision) => Promise<void>
}

export interface Emptied extends Outcome {
  /** Milliseconds after which looking again is worth while; 0 when nothing is left. */
  readonly wait: number
}

/** Seconds to wait for finalizers, which nobody tells the duration of. */
const finalizerEstimate = 15

/**
 * Deletes everything in a namespace that the server serves and lets be deleted. Pods go first: what they use (secrets,
 * claims, policies that protect them) must outlive them.
 */
export async function emptyNamespace(deps: ContentDeps, namespace: string): Promise<Emptied> {
  const { resources, failures: discovery } = await deps.discovery.resources()
  const deletable = resources.filter(
    ({ namespaced, verbs }) => namespaced && verbs.includes('delete') && verbs.includes('list'),
  )
  const isPods = ({ group, plural }: ServedResource) => group === pods.group && plural === pods.plural
  const state = {
    failures: [] as string[],
    remaining: new Map<string, number>(),
    finalizers: new Map<string, number>(),
    seconds: 0,
  }
  for (const type of deletable.filter(isPods)) await emptyKind(deps, type, namespace, state)
  if (!state.remaining.size)
    await Promise.all(deletable.filter((type) => !isPods(type)).map((type) => emptyKind(deps, type, namespace, state)))
  const { failures, remaining, finalizers, seconds } = state
  const wait = seconds ? (Math.trunc(seconds / 2) + 1) * 1000 : 0
  return { discovery, failures, remaining, finalizers, wait }
}

type State = Pick<Emptied, 'failures'> & {
  failures: string[]
  remaining: Map<string, number>
  finalizers: Map<string, number>
  seconds: number
}

async function emptyKind(
  { client, decide }: ContentDeps,
  type: ServedResource,
  namespace: string,
  state: State,
): Promise<void> {
  try {
    const before = await listAll(client, type, namespace)
    if (!before.length) return
    const actions = before
      .filter((object) => !object.metadata?.deletionTimestamp)
      .map((object) =>
        remove(type, object, { options: { propagationPolicy: 'Background' }, tolerate: (error) => error.code === 404 }),
      )
    if (actions.length) await decide({ steps: [{ verb: 'batch', pace: 'parallel', actions }] })
    const after = await listAll(client, type, namespace)
    if (!after.length) return
    state.remaining.set(`${type.plural}.${type.group}`, after.length)
    const finalizers = after.flatMap((object) => object.metadata?.finalizers ?? [])
    for (const name of finalizers) state.finalizers.set(name, (state.finalizers.get(name) ?? 0) + 1)
    const grace = Math.max(0, ...after.map((object) => graceOf(type, object)))
    if (!grace && !finalizers.length)
      state.failures.push(
        `unexpected items still remain in namespace: ${namespace} for gvr: /${type.version}, Resource=${type.plural}`,
      )
    state.seconds = Math.max(state.seconds, grace || finalizerEstimate)
  } catch (error) {
    // Served a moment ago, gone now: a custom resource whose definition was deleted.
    if (error instanceof StatusError && (error.code === 404 || error.code === 405)) return
    state.failures.push(error instanceof Error ? error.message : String(error))
  }
}

const graceOf = (type: ResourceType, object: KubeObject): number => {
  if (type.plural !== pods.plural || type.group !== pods.group) return 0
  const { status, spec } = object as Pod
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' ? 0 : (spec?.terminationGracePeriodSeconds ?? 30)
}

/** Past every cache: what a lagging informer does not know would be left behind for ever. */
async function listAll(client: KubeClient, type: ServedResource, namespace: string): Promise<KubeObject[]> {
  const items: KubeObject[] = []
  let token: string | undefined
  do {
    const page = await client.list(type, { namespace, limit: 500, continue: token })
    for (const item of page.items) items.push(item)
    token = page.metadata.continue
  } while (token)
  return items
}
