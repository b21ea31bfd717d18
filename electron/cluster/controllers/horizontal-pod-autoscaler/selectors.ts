import { splitKey } from '#shared/kube/object.ts'
import { matches, parseSelector, type Selector } from '#shared/kube/selectors.ts'
import type { PodView } from '../framework/support/pods.ts'

/** Which pods a scale is about, or why that is not known: the Event, and the condition that says the same. */
export type Selection =
  | { readonly pods: readonly PodView[]; readonly selector: string }
  | { readonly event: string; readonly reason: string; readonly message: string; readonly condition: string }

/** Remembers by autoscaler which pods it was last seen to select, so that two on the same pods are noticed. */
export class Selectors {
  readonly #byNamespace = new Map<string, Map<string, Selector>>()

  set(key: string, selector: Selector): void {
    const { namespace = '' } = splitKey(key)
    const all = this.#byNamespace.get(namespace) ?? new Map<string, Selector>()
    this.#byNamespace.set(namespace, all.set(key, selector))
  }

  forget(key: string): void {
    const { namespace = '' } = splitKey(key)
    const all = this.#byNamespace.get(namespace)
    all?.delete(key)
    if (!all?.size) this.#byNamespace.delete(namespace)
  }

  /** Keys of the autoscalers of any of these pods, sorted. */
  controlling(namespace: string, pods: readonly PodView[]): string[] {
    const all = [...(this.#byNamespace.get(namespace) ?? [])]
    const found = all.filter(([, selector]) => pods.some((pod) => matches(selector, pod.metadata?.labels)))
    return found.map(([key]) => key).sort()
  }
}

/** `podsIn` lists the namespace of the autoscaler. Source: validateAndParseSelector. */
export function select(
  key: string,
  text: string,
  known: Selectors,
  podsIn: (namespace: string) => readonly PodView[],
): Selection {
  if (!text) {
    const condition = "the HPA target's scale is missing a selector"
    return { event: 'SelectorRequired', reason: 'InvalidSelector', message: 'selector is required', condition }
  }
  let selector: Selector
  try {
    selector = parseSelector(text)
  } catch (error) {
    const message = `couldn't convert selector into a corresponding internal selector object: ${(error as Error).message}`
    return { event: 'InvalidSelector', reason: 'InvalidSelector', message, condition: message }
  }
  known.set(key, selector)
  const { namespace = '' } = splitKey(key)
  const pods = podsIn(namespace).filter((pod) => matches(selector, pod.metadata?.labels))
  const controlling = known.controlling(namespace, pods)
  if (controlling.length > 1) {
    const message = `pods by selector ${text} are controlled by multiple HPAs: [${controlling.join(' ')}]`
    return { event: 'AmbiguousSelector', reason: 'AmbiguousSelector', message, condition: message }
  }
  return { pods, selector: text }
}
