import { followKind } from '../../kinds/follow-kind.ts'
import type { AdmissionHost } from '../dynamic/host.ts'
import type { Binding, Policy, PolicySpec } from './types.ts'

/** A policy with the bindings that put it to work. */
export interface Hook<Spec extends PolicySpec, Compiled> {
  readonly policy: Policy<Spec>
  readonly bindings: readonly Binding[]
  /** Compiled when it is first asked for, and not again until the policy changes. */
  readonly compiled: Compiled
}

export interface PolicyIndexDeps<Spec extends PolicySpec, Compiled> {
  readonly host: AdmissionHost
  /** `validatingadmissionpolicies`; its bindings are `validatingadmissionpolicybindings`. */
  readonly policies: string
  readonly bindings: string
  compile(policy: Policy<Spec>): Compiled
}

/** The policies that are bound, by name. Follows the store. */
export class PolicyIndex<Spec extends PolicySpec, Compiled> implements Disposable {
  readonly #deps: PolicyIndexDeps<Spec, Compiled>
  readonly #policies = new Map<string, Policy<Spec>>()
  readonly #bindings = new Map<string, Binding>()
  readonly #compiled = new Map<string, Compiled>()
  readonly #watches: Disposable[]
  #hooks: readonly Hook<Spec, Compiled>[] | undefined

  constructor(deps: PolicyIndexDeps<Spec, Compiled>) {
    this.#deps = deps
    const { host, policies, bindings } = deps
    const follow = <T extends Policy<Spec> | Binding>(
      plural: string,
      into: Map<string, T>,
      changed?: (name: string) => void,
    ) => {
      const kind = host.kinds.resource('admissionregistration.k8s.io', plural)
      if (!kind) return []
      return [
        followKind<T>(kind, (name, object) => {
          const before = into.get(name)
          if (object) into.set(name, object)
          else into.delete(name)
          const { uid, generation } = before?.metadata ?? {}
          if (uid !== object?.metadata?.uid || generation !== object?.metadata?.generation) changed?.(name)
          this.#hooks = undefined
        }),
      ]
    }
    this.#watches = [
      ...follow<Policy<Spec>>(policies, this.#policies, (name) => this.#compiled.delete(name)),
      ...follow<Binding>(bindings, this.#bindings),
    ]
  }

  get hooks(): readonly Hook<Spec, Compiled>[] {
    return (this.#hooks ??= this.#bound())
  }

  #bound(): Hook<Spec, Compiled>[] {
    if (!this.#bindings.size || !this.#policies.size) return []
    const bindings = Map.groupBy(sorted(this.#bindings), ({ spec }) => spec.policyName)
    return sorted(this.#policies).flatMap((policy) => {
      const name = policy.metadata!.name!
      const own = bindings.get(name)
      if (!own) return []
      const compiled = () => this.#compiledOf(name, policy)
      return [
        {
          policy,
          bindings: own,
          get compiled() {
            return compiled()
          },
        },
      ]
    })
  }

  #compiledOf(name: string, policy: Policy<Spec>): Compiled {
    let compiled = this.#compiled.get(name)
    if (compiled === undefined) this.#compiled.set(name, (compiled = this.#deps.compile(policy)))
    return compiled
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]()
  }
}

const sorted = <T>(named: ReadonlyMap<string, T>): T[] =>
  [...named].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each)
