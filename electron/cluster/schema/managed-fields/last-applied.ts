import { canonicalJson } from '../json/canonical.ts'
import { parseExactly } from '../json/exact.ts'
import { compareObjects } from './compare.ts'
import { difference, emptySet, isEmptySet, type FieldSet } from './field-set.ts'
import type { Shape } from './shape.ts'
import { setOfObject } from './to-set.ts'
import type { Conflict } from './updater.ts'
import { typingErrors } from './validate.ts'
import { isMap, type JsonObject } from './view.ts'

/**
 * `kubectl apply --server-side` after client-side applies, and before: the annotation in which the latter keep what was
 * applied last. Only kubectl's own field manager means it. Source: apimachinery's managedfields/internal/lastapplied*.go.
 */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'
const manager = 'kubectl'
/** Bytes of all annotations. */
const longest = 256 * 1024

interface Apply {
  readonly kind: { readonly shape: Shape }
  readonly apiVersion: string
  readonly manager: string
  readonly config: JsonObject
}

/** Without those in which the live object still is as it was applied last: it was the same person who set them. */
export function withoutLastApplied(
  apply: Apply,
  live: JsonObject,
  conflicts: readonly Conflict[],
): readonly Conflict[] {
  if (apply.manager !== manager) return conflicts
  const allowed = lastAppliedSet(apply, live)
  return conflicts
    .map(({ manager: owner, set }) => ({ manager: owner, set: difference(set, allowed) }))
    .filter(({ set }) => !isEmptySet(set))
}

function lastAppliedSet({ kind: { shape }, apiVersion }: Apply, live: JsonObject): FieldSet {
  const written = annotationsOf(live)[lastApplied]
  if (typeof written !== 'string') return emptySet
  let applied: unknown
  try {
    applied = parseExactly(written)
  } catch {
    return emptySet
  }
  if (!isMap(applied) || applied['apiVersion'] !== apiVersion || typingErrors(applied, shape)) return emptySet
  const { added, modified, removed } = compareObjects(applied, live, shape)
  return [modified, added, removed].reduce(difference, setOfObject(applied, shape))
}

/** The applied object, its annotation brought up to date where it has one. */
export function withLastApplied(apply: Apply, object: JsonObject): JsonObject {
  const annotations = annotationsOf(object)
  if (apply.manager !== manager || !annotations[lastApplied]) return object
  const updated: JsonObject = { ...annotations, [lastApplied]: `${canonicalJson(unannotated(apply.config))}\n` }
  if (sizeOf(updated) > longest) delete updated[lastApplied]
  return { ...object, metadata: { ...(object['metadata'] as JsonObject), annotations: updated } }
}

function unannotated(config: JsonObject): JsonObject {
  const annotations = annotationsOf(config)
  if (!Object.hasOwn(annotations, lastApplied)) return config
  const rest = { ...annotations }
  delete rest[lastApplied]
  return { ...config, metadata: { ...(config['metadata'] as JsonObject), annotations: rest } }
}

function annotationsOf(object: JsonObject): JsonObject {
  const meta = object['metadata']
  const annotations = isMap(meta) ? meta['annotations'] : undefined
  return isMap(annotations) ? annotations : {}
}

const sizeOf = (annotations: JsonObject): number =>
  Object.entries(annotations).reduce(
    (size, [name, text]) => size + Buffer.byteLength(name) + (typeof text === 'string' ? Buffer.byteLength(text) : 0),
    0,
  )
