import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from 'kubernetes-types/rbac/v1'
import type { KubeObject, LabelSelector } from '#shared/kube/object.ts'
import { ruleAllows } from '#shared/kube/rbac.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import { serviceAccountName } from '../authn/user.ts'
import { followKind } from '../kinds/follow-kind.ts'
import type { KindIndex } from '../kinds/kind-index.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { Attributes, Authorizer, Decision } from './authorizer.ts'

const group = 'rbac.authorization.k8s.io'

interface Grant {
  /** '' for every namespace and the cluster itself. */
  namespace: string
  /** Key of the role: `name`, or `namespace/name`. */
  role: string
  /** Why what it allows is allowed. */
  reason: string
}

/** The rules of the stored roles, found by subject. Follows the store: a new binding counts as soon as it is durable. */
export class RbacAuthorizer implements Authorizer, Disposable {
  readonly #roles = new Map<string, Role | ClusterRole>()
  /** Rules of roles that consist of others, until a role changes. */
  readonly #aggregated = new Map<string, readonly PolicyRule[]>()
  /** By subject, then by binding. */
  readonly #grants = new Map<string, Map<string, Grant>>()
  readonly #subjectsOf = new Map<string, readonly string[]>()
  readonly #watches: Disposable[]

  constructor(kinds: KindIndex) {
    const follow = <T extends KubeObject>(plural: string, changed: (key: string, object: T | undefined) => void) => {
      const kind = kinds.resource(group, plural)
      return kind ? [followKind(kind, changed)] : []
    }
    const roleChanged = (key: string, role: Role | ClusterRole | undefined) => {
      if (role) this.#roles.set(key, role)
      else this.#roles.delete(key)
      this.#aggregated.clear()
    }
    const bindingChanged = (key: string, binding: RoleBinding | ClusterRoleBinding | undefined) =>
      this.#bind(key, binding)
    this.#watches = [
      ...follow<ClusterRole>('clusterroles', roleChanged),
      ...follow<Role>('roles', roleChanged),
      ...follow<ClusterRoleBinding>('clusterrolebindings', bindingChanged),
      ...follow<RoleBinding>('rolebindings', bindingChanged),
    ]
  }

  authorize(attributes: Attributes): Decision {
    const missing: string[] = []
    for (const { role, reason } of this.#grantsOf(attributes.user, attributes.isResource ? attributes.namespace : '')) {
      const rules = this.#rulesOf(role)
      if (!rules) missing.push(role)
      else if (rules.some((rule) => ruleAllows(rule, attributes))) return { allowed: true, reason }
    }
    return { allowed: false, reason: missing.length ? `RBAC: ${this.#notFound(missing)}` : '' }
  }

  /** Everything that the user may do in a namespace. */
  rulesFor(user: UserInfo, namespace: string): PolicyRule[] {
    return [...this.#grantsOf(user, namespace)].flatMap(({ role }) => this.#rulesOf(role) ?? [])
  }

  /** The rules that a binding in the namespace refers to; undefined: there is no such role. */
  rulesOf({ kind, name }: { kind: string; name: string }, namespace: string): readonly PolicyRule[] | undefined {
    return this.#rulesOf(kind === 'ClusterRole' ? name : `${namespace}/${name}`)
  }

  /** The rules of one cluster role. */
  clusterRole(name: string): readonly PolicyRule[] {
    return this.#rulesOf(name) ?? []
  }

  /** Undefined: there is no such role. */
  #rulesOf(key: string): readonly PolicyRule[] | undefined {
    const role = this.#roles.get(key)
    const selectors = role && 'aggregationRule' in role ? (role.aggregationRule?.clusterRoleSelectors ?? []) : []
    if (!role || !selectors.length) return role && (role.rules ?? [])
    let rules = this.#aggregated.get(key)
    if (!rules) this.#aggregated.set(key, (rules = [...(role.rules ?? []), ...this.#selected(selectors)]))
    return rules
  }

  /** Upstream has a loop write these into the aggregating role; here they count at once, with the loop or without. */
  #selected(selectors: readonly LabelSelector[]): PolicyRule[] {
    const compiled = selectors.map(selectorOf)
    return [...this.#roles.values()]
      .filter(
        ({ metadata }) => !metadata?.namespace && compiled.some((selector) => matches(selector, metadata?.labels)),
      )
      .flatMap(({ rules }) => rules ?? [])
  }

  *#grantsOf(user: UserInfo, namespace: string): IterableIterator<Grant> {
    for (const subject of [`User ${user.name}`, ...user.groups.map((name) => `Group ${name}`)]) {
      const grants = this.#grants.get(subject)
      if (!grants) continue
      for (const grant of grants.values()) {
        if (grant.namespace === '' || (namespace !== '' && grant.namespace === namespace)) yield grant
      }
    }
  }

  #bind(key: string, binding: RoleBinding | ClusterRoleBinding | undefined): void {
    for (const subject of this.#subjectsOf.get(key) ?? []) {
      const grants = this.#grants.get(subject)
      grants?.delete(key)
      if (grants?.size === 0) this.#grants.delete(subject)
    }
    this.#subjectsOf.delete(key)
    if (!binding) return
    const namespace = binding.metadata?.namespace ?? ''
    const role = binding.roleRef.kind === 'Role' ? `${namespace}/${binding.roleRef.name}` : binding.roleRef.name
    const subjects: string[] = []
    for (const { kind, name, namespace: home } of binding.subjects ?? []) {
      const isAccount = kind === 'ServiceAccount'
      const subject = isAccount ? `User ${serviceAccountName(home ?? namespace, name)}` : `${kind} ${name}`
      let grants = this.#grants.get(subject)
      if (!grants) this.#grants.set(subject, (grants = new Map()))
      const shown = isAccount ? `${name}/${home ?? namespace}` : name
      grants.set(key, { namespace, role, reason: `${describe(binding)} to ${kind} ${JSON.stringify(shown)}` })
      subjects.push(subject)
    }
    this.#subjectsOf.set(key, subjects)
  }

  #notFound(roles: readonly string[]): string {
    const texts = roles.map((role) => {
      const slash = role.indexOf('/')
      return `${slash < 0 ? 'clusterrole' : 'role'}.${group} ${JSON.stringify(role.slice(slash + 1))} not found`
    })
    return texts.length === 1 ? texts[0]! : `[${[...new Set(texts)].join(', ')}]`
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches) watch[Symbol.dispose]()
  }
}

/** Source: roleBindingDescriber in pkg/registry/rbac/validation. */
function describe({ metadata, roleRef }: RoleBinding | ClusterRoleBinding): string {
  const { name, namespace } = metadata ?? {}
  const binding = namespace
    ? `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`
    : `ClusterRoleBinding ${JSON.stringify(name)}`
  return `RBAC: allowed by ${binding} of ${roleRef.kind} ${JSON.stringify(roleRef.name)}`
}
