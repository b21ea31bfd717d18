import { maxSurge, replicasOf, type DeploymentView, type SetView } from './limits.ts'

/** Read by `kubectl rollout history` and `undo`: which revision a replica set is, and the one a deployment is at. */
export const revisionKey = 'deployment.kubernetes.io/revision'
/** Revisions that a replica set was before it was rolled back to. */
const historyKey = 'deployment.kubernetes.io/revision-history'
/** What the deployment asked for when the set was last scaled: tells scaling from rolling, and gives proportions. */
const desiredKey = 'deployment.kubernetes.io/desired-replicas'
const maxKey = 'deployment.kubernetes.io/max-replicas'
const historyLength = 2000

const notCopied = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  revisionKey,
  historyKey,
  desiredKey,
  maxKey,
])

export type Annotations = Readonly<Record<string, string>>

export const annotationsOf = (object: { readonly metadata?: { readonly annotations?: Annotations } }): Annotations =>
  object.metadata?.annotations ?? {}

/** 0 for a set that has none yet, or none that is a number. Numbers are of 64 bits. */
export const revisionOf = (set: SetView): bigint => parseRevision(annotationsOf(set)[revisionKey]) ?? 0n

const parseRevision = (text = '0'): bigint | undefined => {
  const revision = /^[+-]?\d+$/.test(text) ? BigInt(text) : undefined
  return revision !== undefined && BigInt.asIntN(64, revision) === revision ? revision : undefined
}

export const desiredReplicas = (set: SetView): number | undefined => numberAt(set, desiredKey)
export const maxReplicas = (set: SetView): number | undefined => numberAt(set, maxKey)

function numberAt(set: SetView, key: string): number | undefined {
  const text = annotationsOf(set)[key]
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined
}

/** With the sizes that the deployment asks for now. */
export const withSizes = (annotations: Annotations, d: DeploymentView): Annotations => ({
  ...annotations,
  [desiredKey]: String(replicasOf(d)),
  [maxKey]: String(replicasOf(d) + maxSurge(d)),
})

/**
 * The annotations of the set that the deployment rolls out: those of the deployment, and its revision. A set that is
 * rolled back to gets the next revision and remembers the one it had.
 */
export function newSetAnnotations(d: DeploymentView, own: Annotations, revision: bigint): Annotations {
  const result: Record<string, string> = { ...own }
  for (const [key, value] of Object.entries(annotationsOf(d))) if (!notCopied.has(key)) result[key] = value
  const old = own[revisionKey]
  const before = parseRevision(old)
  // One that is no number stays: somebody else wrote it.
  if (before === undefined || before >= revision) return result
  result[revisionKey] = String(revision)
  if (old !== undefined) result[historyKey] = appended(own[historyKey], old)
  return result
}

/** The oldest entries go when the list would become too long. */
function appended(history: string | undefined, revision: string): string {
  const entries = [...(history ? history.split(',') : []), revision]
  while (entries.length > 1 && entries.join(',').length > historyLength) entries.shift()
  return entries.join(',')
}
