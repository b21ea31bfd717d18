import { isDeepStrictEqual } from 'node:util'
import type { ApplyOutcome } from '#shared/ipc/objects.ts'
import type { ResourceInfo } from '#shared/ipc/contexts.ts'
import { namespaceName, objectName } from '#shared/ipc/words.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { apiVersionOf, resourcePath } from '#shared/kube/resources.ts'
import { conflict, isNotFound } from '#shared/kube/status.ts'
import type { Answer, ApiConnection } from '../connections/api-connection.ts'
import { Failure, toChannelError } from '../failure.ts'
import { pause } from '../pause.ts'
import { fieldManager } from './paths.ts'
import { readDocuments, writeYaml, type YamlDocument } from './yaml.ts'

export interface ApplyRequest {
  yaml: string
  /** Of documents that name none. */
  namespace: string
  dryRun: boolean
  resourceVersion?: string | undefined
  force?: boolean | undefined
}

export interface ApplyDependencies {
  connection: ApiConnection
  /** Every kind in every version, asked of the server anew when `fresh`. */
  kinds(fresh: boolean): Promise<readonly ResourceInfo[]>
  signal: AbortSignal
}

/**
 * Applies documents in their order and says of each what came of it; one that fails does not keep the others back.
 * Uses server-side apply. When one object is edited (`resourceVersion` given), it is replaced instead, so that fields
 * which the editor removed are removed, and the server refuses when the object changed meanwhile.
 */
export async function applyYaml(request: ApplyRequest, dependencies: ApplyDependencies): Promise<ApplyOutcome[]> {
  const documents = readDocuments(request.yaml)
  if (!documents.length)
    throw new Failure(
      'BadYaml',
      'There is no object in the text.',
      'Write at least apiVersion, kind and metadata.name.',
    )
  if (request.resourceVersion && documents.length > 1)
    throw new Failure(
      'BadYaml',
      'One object is being edited, but there are several in the text.',
      'Apply the others from a text of their own.',
    )
  const run = new ApplyRun(request, dependencies)
  const outcomes: ApplyOutcome[] = []
  for (const document of documents) outcomes.push(await run.apply(document))
  return outcomes
}

/** Thrown in a dry run for what only exists once an earlier document of the text is applied. */
class NotYet extends Error {}

class ApplyRun {
  #request: ApplyRequest
  #dependencies: ApplyDependencies
  /** What documents before made. */
  #namespaces = new Set<string>()
  #kinds = new Set<string>()

  constructor(request: ApplyRequest, dependencies: ApplyDependencies) {
    this.#request = request
    this.#dependencies = dependencies
  }

  async apply({ object, line }: YamlDocument): Promise<ApplyOutcome> {
    const outcome: ApplyOutcome = {
      kind: object.kind!,
      name: String(object.metadata?.name ?? ''),
      outcome: 'failed',
      warnings: [],
      line,
    }
    try {
      await this.#apply(object, outcome)
      this.#remember(object)
    } catch (error) {
      if (this.#dependencies.signal.aborted) throw error
      if (error instanceof NotYet)
        return { ...outcome, outcome: 'created', after: writeYaml(object), warnings: [error.message] }
      const { code, reason, message, cure, causes } = toChannelError(error)
      outcome.error = { code, reason, message, ...(cure ? { cure } : {}), ...(causes ? { causes } : {}) }
    }
    return outcome
  }

  /** Fills in what came of it. */
  async #apply(object: KubeObject, outcome: ApplyOutcome): Promise<void> {
    const type = await this.#typeOf(object)
    // The names become part of a path: one of `..` would mean another object.
    if (!objectName.safeParse(object.metadata?.name).success)
      throw new Failure(
        'BadYaml',
        outcome.name ? `metadata.name ${outcome.name} is not a name.` : 'metadata.name is missing.',
        'Name the object.',
      )
    const namespace = type.namespaced ? (object.metadata?.namespace ?? this.#request.namespace) : undefined
    if (namespace !== undefined && (namespace === '' || !namespaceName.safeParse(namespace).success))
      throw new Failure(
        'BadYaml',
        `metadata.namespace ${namespace} is not the name of a namespace.`,
        'Choose a namespace.',
      )
    if (namespace) outcome.namespace = namespace

    const path = resourcePath(type, { namespace, name: outcome.name })
    const before = await this.#read(path)
    if (before) outcome.before = writeYaml(before)
    const { value, warnings } = await this.#write(
      path,
      { ...object, metadata: { ...object.metadata, ...(namespace ? { namespace } : {}) } },
      before,
    )
    outcome.after = writeYaml(value)
    outcome.warnings = warnings
    outcome.outcome = before === undefined ? 'created' : sameButBookkeeping(before, value) ? 'unchanged' : 'configured'
  }

  async #typeOf({ kind, apiVersion }: KubeObject): Promise<ResourceInfo> {
    const { kinds, signal } = this.#dependencies
    const find = async (fresh: boolean) =>
      (await kinds(fresh)).find((r) => r.kind === kind && apiVersionOf(r) === apiVersion)
    // Kinds may have come since: a CRD applied a moment ago, here or elsewhere.
    let type = (await find(false)) ?? (await find(true))
    const coming = this.#kinds.has(`${apiVersion}/${kind}`)
    if (!type && coming && this.#request.dryRun)
      throw new NotYet('The server could not check this: its kind comes with this text.')
    for (let tries = 0; !type && coming && tries < 20 && !signal.aborted; tries++) {
      await pause(250, signal)
      type = await find(true)
    }
    if (!type)
      throw new Failure(
        'NotFound',
        `The cluster has no kind ${kind} in ${apiVersion}.`,
        'Check apiVersion and kind, or install the CustomResourceDefinition first.',
      )
    return type
  }

  async #read(path: string): Promise<KubeObject | undefined> {
    const { connection, signal } = this.#dependencies
    try {
      return (await connection.json<KubeObject>(path, { signal })).value
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async #write(path: string, object: KubeObject, before: KubeObject | undefined): Promise<Answer<KubeObject>> {
    const { connection, signal } = this.#dependencies
    const { dryRun, force, resourceVersion } = this.#request
    const query = new URLSearchParams({ fieldManager, fieldValidation: 'Strict', ...(dryRun ? { dryRun: 'All' } : {}) })
    if (resourceVersion !== undefined) {
      if (before?.metadata?.resourceVersion !== resourceVersion) throw changedSince(object, before)
      return await connection.json(`${path}?${query}`, {
        method: 'PUT',
        body: { ...object, metadata: { ...object.metadata, resourceVersion } },
        signal,
      })
    }
    if (force) query.set('force', 'true')
    // What belongs to one state of the object is no wish of whoever applies it: pasted from `get -o yaml`, it would conflict.
    const {
      managedFields: _fields,
      resourceVersion: _version,
      uid: _uid,
      creationTimestamp: _time,
      generation: _generation,
      ...metadata
    } = object.metadata ?? {}
    const { status: _status, ...wish } = { ...object, metadata } as KubeObject & { status?: unknown }
    try {
      // JSON is YAML.
      return await connection.json(`${path}?${query}`, {
        method: 'PATCH',
        body: wish,
        contentType: 'application/apply-patch+yaml',
        signal,
      })
    } catch (error) {
      if (!before && dryRun && isNotFound(error) && this.#namespaces.has(metadata.namespace ?? ''))
        throw new NotYet('The server could not check this: its namespace comes with this text.')
      throw error
    }
  }

  #remember(object: KubeObject): void {
    if (object.kind === 'Namespace' && object.metadata?.name) this.#namespaces.add(object.metadata.name)
    if (object.kind !== 'CustomResourceDefinition') return
    const { spec } = object as { spec?: { group?: string; names?: { kind?: string }; versions?: { name?: string }[] } }
    for (const { name } of spec?.versions ?? []) this.#kinds.add(`${spec?.group}/${name}/${spec?.names?.kind}`)
  }
}

function changedSince(object: KubeObject, before: KubeObject | undefined) {
  const subject = {
    group: object.apiVersion?.includes('/') ? object.apiVersion.split('/')[0]! : '',
    plural: (object.kind ?? '').toLowerCase(),
  }
  const why = before
    ? 'the object has been modified; please apply your changes to the latest version and try again'
    : 'the object has been deleted'
  return conflict(subject, object.metadata?.name ?? '', why)
}

/** The status is the controllers' to write, also while somebody applies. */
function sameButBookkeeping(a: KubeObject, b: KubeObject): boolean {
  const strip = ({ metadata = {}, ...rest }: KubeObject & { status?: unknown }) => {
    const { managedFields: _fields, resourceVersion: _version, generation: _generation, ...lasting } = metadata
    const { status: _status, ...wish } = rest
    return { ...wish, metadata: lasting }
  }
  return isDeepStrictEqual(strip(a), strip(b))
}
