import type { ResourceSlice } from '#shared/kube/devices.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { StatusError } from '#shared/kube/status.ts'
import { semanticEqual } from '../registry/equal.ts'
import type { AdmissionPlugin, AdmissionRequest } from '../registry/kind.ts'
import { podProblem } from './node-pods.ts'
import { tokenProblem } from './node-tokens.ts'
import { forbidden } from './request.ts'

const userPrefix = 'system:node:'

/** The node that asks, if a node asks. */
function nodeNameOf({ user }: AdmissionRequest): string | undefined {
  return user.name.startsWith(userPrefix) && user.groups.includes('system:nodes')
    ? user.name.slice(userPrefix.length)
    : undefined
}

/** Labels of kubernetes.io and k8s.io that kubelets set. Source: k8s.io/kubelet/pkg/apis/well_known_labels.go. */
const kubeletLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/os',
  'kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/instance-type',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region',
])

function isForbidden(label: string): boolean {
  const slash = label.indexOf('/')
  const domain = slash < 0 ? '' : label.slice(0, slash)
  const isIn = (parent: string) => domain === parent || domain.endsWith(`.${parent}`)
  if (isIn('node-restriction.kubernetes.io')) return true
  if (!isIn('kubernetes.io') && !isIn('k8s.io')) return false
  return !kubeletLabels.has(label) && !isIn('kubelet.kubernetes.io') && !isIn('node.kubernetes.io')
}

function nodeProblem({ operation, object, old, name }: AdmissionRequest, node: string): string | undefined {
  const shown = `node ${JSON.stringify(node)}`
  const asked = name || object?.metadata?.name
  if (asked !== node) return `${shown} is not allowed to modify node ${JSON.stringify(asked)}`
  if (operation === 'DELETE') return undefined
  const [labels, before] = [object?.metadata?.labels ?? {}, old?.metadata?.labels ?? {}]
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(before)])]
    .filter((key) => labels[key] !== before[key] && isForbidden(key))
    .sort()
    .join(', ')
  if (operation === 'CREATE') return changed && `${shown} is not allowed to set the following labels: ${changed}`
  if (!semanticEqual(taintsOf(object), taintsOf(old))) return `${shown} is not allowed to modify taints`
  return changed && `is not allowed to modify labels: ${changed}`
}

const taintsOf = (object: KubeObject | undefined): unknown =>
  (object as { spec?: { taints?: unknown } } | undefined)?.spec?.taints

type Claim = KubeObject & { status?: Record<string, unknown> }

/** Nodes report how large a claim's volume has become, and nothing else. */
function claimProblem({ object, old, subresource }: AdmissionRequest, node: string): string | undefined {
  if (subresource !== 'status') return 'may only update PVC status'
  const rest = ({ metadata, status, ...fields }: Claim) => {
    const { capacity, conditions, allocatedResources, allocatedResourceStatuses, ...kept } = status ?? {}
    void [capacity, conditions, allocatedResources, allocatedResourceStatuses]
    return { ...fields, metadata: { ...metadata, resourceVersion: '', managedFields: [] }, status: kept }
  }
  if (semanticEqual(rest(object as Claim), rest(old as Claim))) return undefined
  return `node ${JSON.stringify(node)} is not allowed to update fields other than status.capacity and status.conditions`
}

/** The devices of a node, of which the authorizer has seen those that are there already. */
function sliceProblem({ operation, object, old }: AdmissionRequest, node: string): string | undefined {
  const isOwn = (slice: KubeObject | undefined) => (slice as ResourceSlice | undefined)?.spec?.nodeName === node
  const text = (verb: string) => `can only ${verb} ResourceSlice with the same NodeName as the requesting node`
  if (operation === 'CREATE' && !isOwn(object)) return text('create')
  return operation === 'DELETE' && !isOwn(old) ? text('delete') : undefined
}

/** Leases and CSINodes bear the name of their node. */
function ownProblem({ name, object }: AdmissionRequest, node: string, called: string): string | undefined {
  const asked = name || object?.metadata?.name
  return asked === node ? undefined : `can only access ${called} with the same name as the requesting node`
}

function problemOf(request: AdmissionRequest, node: string): string | StatusError | undefined {
  const { kind, subresource, operation, namespace } = request
  switch (`${kind.group}/${kind.plural}`) {
    case '/pods':
      return podProblem(request, node)
    case '/nodes':
      return nodeProblem(request, node)
    case '/persistentvolumeclaims':
      return claimProblem(request, node)
    case '/serviceaccounts':
      return subresource === 'token' && operation === 'CREATE' ? tokenProblem(request, node) : undefined
    case 'coordination.k8s.io/leases':
      return namespace === 'kube-node-lease'
        ? ownProblem(request, node, 'node lease')
        : 'can only access leases in the "kube-node-lease" system namespace'
    case 'resource.k8s.io/resourceslices':
      return sliceProblem(request, node)
    case 'storage.k8s.io/csinodes':
      return ownProblem(request, node, 'CSINode')
    default:
      return undefined
  }
}

/** A node's agent changes its own node, pods and lease, whatever the rules of access say. Source: plugin/pkg/admission/noderestriction. */
export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  mutate(request) {
    const node = nodeNameOf(request)
    if (node === undefined) return
    if (node === '') throw forbidden(request, `could not determine node from user ${JSON.stringify(request.user.name)}`)
    const problem = problemOf(request, node)
    if (problem instanceof StatusError) throw problem
    if (problem) throw forbidden(request, problem)
  },
}
