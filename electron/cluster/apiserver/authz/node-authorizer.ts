import { ruleAllows } from '#shared/kube/rbac.ts'
import type { UserInfo } from '../registry/kind.ts'
import type { Attributes, Authorizer } from './authorizer.ts'
import type { NodeRelations } from './node-relations.ts'
import type { RbacAuthorizer } from './rbac.ts'

const userPrefix = 'system:node:'

/** The node that a user is. */
export const nodeOf = ({ name, groups }: UserInfo): string | undefined =>
  name.startsWith(userPrefix) && groups.includes('system:nodes') ? name.slice(userPrefix.length) : undefined

/** True: allowed. A text: why there is no reason to allow it. */
type Verdict = true | string

/**
 * Nodes may read what the pods bound to them need and write what is theirs; for all else they may what the role
 * system:node says, which upstream binds to nobody. Source: plugin/pkg/auth/authorizer/node.
 */
export function nodeAuthorizer(rbac: Pick<RbacAuthorizer, 'clusterRole'>, relations: NodeRelations): Authorizer {
  return {
    authorize(attributes) {
      const node = nodeOf(attributes.user)
      if (node === undefined) return { allowed: false, reason: '' }
      if (node === '')
        return { allowed: false, reason: `unknown node for user ${JSON.stringify(attributes.user.name)}` }
      const divided = attributes.isResource ? divisions[`${attributes.group}/${attributes.resource}`] : undefined
      if (!divided)
        return { allowed: rbac.clusterRole('system:node').some((rule) => ruleAllows(rule, attributes)), reason: '' }
      const verdict = divided(node, attributes, relations)
      return verdict === true ? { allowed: true, reason: '' } : { allowed: false, reason: verdict }
    },
  }
}

type Division = (node: string, attributes: Attributes, relations: NodeRelations) => Verdict

const related = (node: string, { name }: Attributes, isRelated: () => boolean): Verdict => {
  if (!name) return 'No Object name found'
  return isRelated() || `no relationship found between node '${node}' and this object`
}

const isOneOf = (attributes: Attributes, ...verbs: readonly string[]): boolean => verbs.includes(attributes.verb)

/** Secrets and config maps: reads of single ones. */
const reads =
  (isRelated: (relations: NodeRelations, node: string, namespace: string, name: string) => boolean): Division =>
  (node, attributes, relations) => {
    if (!isOneOf(attributes, 'get', 'list', 'watch')) return 'can only read resources of this type'
    if (attributes.subresource) return 'cannot read subresource'
    if (!attributes.namespace) return 'can only read namespaced object of this type'
    return related(node, attributes, () => isRelated(relations, node, attributes.namespace, attributes.name))
  }

const gets =
  (isRelated: (relations: NodeRelations, node: string, attributes: Attributes) => boolean): Division =>
  (node, attributes, relations) => {
    if (attributes.verb !== 'get') return 'can only get individual resources of this type'
    if (attributes.subresource) return 'cannot get subresource'
    return related(node, attributes, () => isRelated(relations, node, attributes))
  }

const getClaim = gets((relations, node, { namespace, name }) => relations.needsClaim(node, namespace, name))
const getPod = gets((relations, node, { namespace, name }) => relations.hasPod(node, namespace, name))

/** Objects that bear the node's own name. Admission checks the name of what is created. */
const ownName =
  (verbs: string, called: string): Division =>
  (node, attributes) => {
    if (!isOneOf(attributes, 'get', 'create', 'update', 'patch', 'delete')) return verbs
    if (attributes.verb !== 'create' && attributes.name !== node)
      return `can only access ${called} with the same name as the requesting node`
    return true
  }

const ownLease = ownName('can only get, create, update, patch, or delete a node lease', 'node lease')
const ownCsiNode = ownName('can only get, create, update, patch, or delete a CSINode', 'CSINode')

const selectsNode = ({ fieldSelector }: Attributes, field: string, node: string): boolean =>
  fieldSelector?.some((each) => each.field === field && each.equals && each.value === node) ?? false

const divisions: Readonly<Record<string, Division>> = {
  '/secrets': reads((relations, ...where) => relations.needsSecret(...where)),
  '/configmaps': reads((relations, ...where) => relations.needsConfigMap(...where)),
  '/persistentvolumeclaims': (node, attributes, relations) => {
    if (attributes.subresource !== 'status') return getClaim(node, attributes, relations)
    if (!isOneOf(attributes, 'update', 'patch')) return 'can only get/update/patch this type'
    const { namespace, name } = attributes
    return related(node, attributes, () => relations.needsClaim(node, namespace, name))
  },
  '/persistentvolumes': gets((relations, node, { name }) => relations.needsVolume(node, name)),
  'storage.k8s.io/volumeattachments': gets((relations, node, { name }) => relations.isAttached(node, name)),
  'resource.k8s.io/resourceclaims': gets((relations, node, { namespace, name }) =>
    relations.needsResourceClaim(node, namespace, name),
  ),
  '/serviceaccounts': (node, { verb, name, namespace, subresource }, relations) => {
    if (verb !== 'create' || !name) return 'can only create tokens for individual service accounts'
    if (subresource !== 'token') return 'can only create token subresource of serviceaccount'
    return relations.runsAs(node, namespace, name) || `no relationship found between node '${node}' and this object`
  },
  'coordination.k8s.io/leases': (node, attributes, relations) =>
    attributes.namespace === 'kube-node-lease'
      ? ownLease(node, attributes, relations)
      : 'can only access leases in the "kube-node-lease" system namespace',
  'storage.k8s.io/csinodes': (node, attributes, relations) =>
    attributes.subresource ? 'cannot authorize CSINode subresources' : ownCsiNode(node, attributes, relations),
  'resource.k8s.io/resourceslices': (node, attributes, relations) => {
    if (attributes.subresource) return 'cannot authorize ResourceSlice subresources'
    if (attributes.verb === 'create') return true
    if (isOneOf(attributes, 'get', 'update', 'patch', 'delete'))
      return related(node, attributes, () => relations.owns(node, attributes.name))
    if (!isOneOf(attributes, 'watch', 'list', 'deletecollection'))
      return 'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection'
    return (
      selectsNode(attributes, 'spec.nodeName', node) ||
      'can only list/watch/deletecollection resourceslices with spec.nodeName field selector'
    )
  },
  '/nodes': (node, attributes) => {
    const { subresource, name } = attributes
    // Admission limits writes to the node's own object.
    if (subresource === 'status') return isOneOf(attributes, 'update', 'patch') || ''
    if (subresource) return ''
    if (isOneOf(attributes, 'create', 'update', 'patch')) return true
    if (!isOneOf(attributes, 'get', 'list', 'watch')) return ''
    if (name === node) return true
    return name
      ? `node '${node}' cannot read '${name}', only its own Node object`
      : `node '${node}' cannot read all nodes, only its own Node object`
  },
  '/pods': (node, attributes, relations) => {
    const { subresource, verb, namespace, name } = attributes
    // Admission limits writes to pods that are bound to the node, and creations to mirror pods.
    if (subresource === 'status') return isOneOf(attributes, 'update', 'patch') || ''
    if (subresource === 'eviction') return verb === 'create' || ''
    if (subresource) return ''
    if (verb === 'get') return getPod(node, attributes, relations)
    if (isOneOf(attributes, 'create', 'delete')) return true
    if (!isOneOf(attributes, 'list', 'watch')) return ''
    if (selectsNode(attributes, 'spec.nodeName', node)) return true
    if (name) return related(node, attributes, () => relations.hasPod(node, namespace, name))
    return 'can only list/watch pods with spec.nodeName field selector'
  },
}
