import type { KubeObject } from '#shared/kube/object.ts'
import { isDeepStrictEqual } from 'node:util'
import { decodeValue } from '../../../schema/decode-json.ts'
import { typeNamed } from '../../../schema/table.ts'
import { fromJson } from '../../../cel/values/json.ts'
import type { CelValue } from '../../../cel/values/values.ts'
import type { ServedKind } from '../../kinds/served-kind.ts'
import type { AdmissionRequest, Subresource } from '../../registry/kind.ts'
import { cloneObject } from '../../storage/codec.ts'
import type { AdmissionHost } from './host.ts'

export interface GroupVersionKind {
  group: string
  version: string
  kind: string
}

export interface GroupVersionResource {
  group: string
  version: string
  resource: string
}

/** A version of the resource in which a hook or policy wants the request. */
export interface Matched {
  readonly served: ServedKind
  readonly kind: GroupVersionKind
  readonly resource: GroupVersionResource
}

interface Version {
  object: KubeObject | undefined
  old: KubeObject | undefined
  values: { object?: CelValue; old?: CelValue }
}

/**
 * The request for those who were configured to see it. Undefined where nothing configured may touch it: the configuration
 * of admission itself, or a kind that is no longer served, whose last objects are being cleaned up.
 */
export function admittedOf(host: AdmissionHost, request: AdmissionRequest): Admitted | undefined {
  const { group, version, plural } = request.kind
  if (group === 'admissionregistration.k8s.io') return undefined
  const served = host.kinds.find(group, version, plural)
  return served && new Admitted(host, request, served)
}

/** An admission request as those see it who were configured: in the version that they ask for, and with parts of their own. */
export class Admitted {
  readonly request: AdmissionRequest
  readonly served: ServedKind
  readonly subresource: Subresource | undefined
  readonly own: Matched
  readonly #host: AdmissionHost
  readonly #versions = new Map<ServedKind, Version>()
  #equivalents: readonly Matched[] | undefined

  constructor(host: AdmissionHost, request: AdmissionRequest, served: ServedKind) {
    this.#host = host
    this.request = request
    this.served = served
    this.subresource = this.served.subresources.get(request.subresource)
    this.own = this.#matched(this.served)
  }

  /** Other versions and groups under which the resource is served. */
  get equivalents(): readonly Matched[] {
    return (this.#equivalents ??= this.served.stored
      ? [...this.#host.kinds.all]
          .filter(
            (kind) =>
              kind !== this.served &&
              kind.stored &&
              kind.objects === this.served.objects &&
              (!this.subresource || kind.subresources.has(this.subresource.name)),
          )
          .map((kind) => this.#matched(kind))
      : [])
  }

  /** What is written; undefined for a deletion. */
  object({ served }: Matched): KubeObject | undefined {
    return this.#version(served).object
  }

  /** What was there before. */
  old({ served }: Matched): KubeObject | undefined {
    return this.#version(served).old
  }

  /** The same as values of expressions, made once. */
  values({ served }: Matched): { object: CelValue; oldObject: CelValue } {
    const { object, old, values } = this.#version(served)
    return {
      object: (values.object ??= fromJson(object ?? null)),
      oldObject: (values.old ??= fromJson(old ?? null)),
    }
  }

  /** The object as mutated, decoded and defaulted again. True when it differs from what it was. Throws DecodeError. */
  replace(matched: Matched, raw: unknown): boolean {
    const before = this.object(matched)
    const after = this.#decode(matched, raw)
    if (isDeepStrictEqual(plain(before), plain(after))) return false
    this.#write(convert(matched.served, this.served, after))
    this.#versions.clear()
    return true
  }

  #matched(served: ServedKind): Matched {
    const { group, version, plural } = served.definition
    const part = served.subresources.get(this.request.subresource)
    return {
      served,
      kind: { group: part?.group ?? group, version: part?.version ?? version, kind: part?.kind ?? served.kind },
      resource: { group, version, resource: plural },
    }
  }

  #version(served: ServedKind): Version {
    const known = this.#versions.get(served)
    if (known) return known
    const { object, old } = this.request
    const made = { object: this.#in(served, object), old: this.#in(served, old), values: {} }
    this.#versions.set(served, made)
    return made
  }

  #in(served: ServedKind, object: KubeObject | undefined): KubeObject | undefined {
    if (!object) return undefined
    const converted = served === this.served ? object : convert(this.served, served, object)
    const { view } = served.subresources.get(this.request.subresource) ?? {}
    return view ? view.read(converted) : converted
  }

  #decode({ served, kind }: Matched, raw: unknown): KubeObject {
    if (this.request.operation === 'CONNECT') return raw as KubeObject
    const part = served.subresources.get(this.request.subresource)
    const decoded = part?.type ? decodeValue(typeNamed(part.type), raw) : served.decode(raw)
    const object = decoded.object as KubeObject
    object.apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version
    object.kind = kind.kind
    if (!part?.type) served.strategy.setDefaults(object)
    return object
  }

  /** Into the object that the handler goes on with. */
  #write(next: KubeObject): void {
    const target = this.request.object as Record<string, unknown> & KubeObject
    if (this.subresource?.view) {
      const { user, namespace, dryRun, subresource } = this.request
      const { clock, random } = this.#host
      this.subresource.view.write(target, next, { clock, random, user, namespace, dryRun, subresource })
      return
    }
    // Handlers hold on to the metadata as well.
    const metadata = target.metadata as Record<string, unknown> | undefined
    if (metadata && next.metadata) {
      for (const key of Object.keys(metadata)) delete metadata[key]
      Object.assign(metadata, next.metadata)
    }
    for (const key of Object.keys(target)) if (key !== 'metadata') delete target[key]
    Object.assign(target, next, metadata && { metadata })
  }
}

const plain = (object: KubeObject | undefined): unknown => object && cloneObject(object)

function convert(from: ServedKind, to: ServedKind, object: KubeObject): KubeObject {
  if (from === to) return object
  const copy = cloneObject(object)
  const stored = from.definition.convert?.toStorage(copy) ?? copy
  const made = to.definition.convert?.fromStorage(stored) ?? stored
  made.apiVersion = to.apiVersion
  made.kind = to.kind
  return made
}
