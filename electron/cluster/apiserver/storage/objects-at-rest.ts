import type { KubeObject } from '#shared/kube/object.ts'
import { apiVersionOf } from '#shared/kube/resources.ts'
import type { TypeDef } from '../../schema/api.ts'
import { parseExactly } from '../../schema/json/exact.ts'
import { decodeProtobuf, encodeProtobuf, hasProtobuf, isProtobuf, openEnvelope } from '../../schema/protobuf.ts'
import { findType, typeNamed } from '../../schema/table.ts'
import type { ValuesAtRest } from '../../store/etcd/values.ts'
import type { KindDefinition } from '../registry/kind.ts'
import { encodeStored } from './codec.ts'

/** What a CustomResourceDefinition says of the way in which its objects are kept. */
interface Definition {
  spec: {
    group: string
    names: { kind: string; plural: string }
    versions: readonly { name: string; storage: boolean }[]
    conversion?: { strategy?: string }
  }
  status?: { acceptedNames?: { kind?: string } }
}

const ranges = '/registry/ranges/'

interface Form {
  apiVersion: string
  kind: string
  /** Undefined: JSON. */
  message: TypeDef | undefined
  /** Each object says in memory too which version it is in: a webhook converts it. */
  marked?: boolean
}

/**
 * Objects as a real API server keeps them in etcd: protobuf in its envelope, or JSON where upstream keeps JSON, and
 * without a resourceVersion. What is read may come from that server: it is then brought to the version stored here.
 */
export class ObjectsAtRest implements ValuesAtRest {
  readonly explaining = {
    prefix: '/registry/apiextensions.k8s.io/customresourcedefinitions/',
    explain: (value: Buffer) => this.#define(JSON.parse(value.toString()) as Definition),
  }
  readonly #kinds: ReadonlyMap<string, KindDefinition>
  readonly #forms = new Map<string, Form>()
  /** Of custom resources: none of them takes the place of a built-in kind. */
  readonly #customForms = new Map<string, Form>()

  constructor(kinds: readonly KindDefinition[]) {
    this.#kinds = new Map(kinds.map((kind) => [`${apiVersionOf(kind)}/${kind.kind}`, kind]))
    for (const kind of kinds) if (!kind.virtual) this.#describe(kind)
    // A kind that no API serves. Upstream reads it as JSON too.
    const endpoints = messageOf('io.k8s.api.core.v1.Endpoints')
    this.#forms.set('/registry/masterleases/', { apiVersion: 'v1', kind: 'Endpoints', message: endpoints })
    this.#forms.set(ranges, { apiVersion: 'v1', kind: 'RangeAllocation', message: undefined })
  }

  #describe({ kind, plural, convert, storagePrefix = plural, ...own }: KindDefinition): void {
    const { group, version, type } = convert?.storage ?? own
    // Upstream's factory of protobuf storage has no groups in its prefixes; those that do have one are kept as JSON:
    // definitions of custom resources, and API services.
    const isJson = storagePrefix === `${group}/${plural}`
    this.#forms.set(`/registry/${storagePrefix}/`, {
      apiVersion: apiVersionOf({ group, version }),
      kind,
      message: isJson ? undefined : messageOf(type),
    })
  }

  #define({ spec: { group, names, versions, conversion }, status }: Definition): void {
    const version = versions.find(({ storage }) => storage)?.name ?? ''
    this.#customForms.set(`/registry/${group}/${names.plural}/`, {
      apiVersion: apiVersionOf({ group, version }),
      kind: status?.acceptedNames?.kind || names.kind,
      message: undefined,
      marked: conversion?.strategy === 'Webhook',
    })
  }

  encode(key: string, value: Buffer): Buffer {
    const { apiVersion, kind, message } = this.#formOf(key)
    const { metadata: stamped, ...rest } = parseExactly(value.toString()) as KubeObject
    const { resourceVersion: _, ...metadata } = stamped ?? {}
    if (message) return encodeProtobuf(message, { metadata, ...rest }, { apiVersion, kind })
    return Buffer.from(`${JSON.stringify({ apiVersion, kind, metadata, ...rest })}\n`)
  }

  decode(key: string, bytes: Buffer, revision: number): Buffer {
    // Only their revisions count here: what is taken is always made out from the objects that took it.
    if (key.startsWith(ranges)) return encodeStored({}, revision).value
    const object = isProtobuf(bytes) ? this.#fromProtobuf(bytes) : this.#fromJson(bytes)
    return encodeStored(object, revision, this.#findForm(key)?.marked).value
  }

  restamp(_key: string, value: Buffer, revision: number): Buffer {
    const object = parseExactly(value.toString()) as KubeObject
    // Bytes that say their version go on saying it.
    return encodeStored(object, revision, object.apiVersion !== undefined).value
  }

  #fromProtobuf(bytes: Buffer): KubeObject {
    const envelope = openEnvelope(bytes)
    const definition = this.#kinds.get(`${envelope.apiVersion}/${envelope.kind}`)
    if (!definition) throw new Error(`objects of ${envelope.apiVersion} ${envelope.kind} are not known here`)
    const { object } = decodeProtobuf(typeNamed(definition.type), envelope)
    return inStorageVersion(object as KubeObject, definition)
  }

  #fromJson(bytes: Buffer): KubeObject {
    const object = parseExactly(bytes.toString()) as KubeObject
    const definition = this.#kinds.get(`${object.apiVersion}/${object.kind}`)
    return definition ? inStorageVersion(object, definition) : object
  }

  #formOf(key: string): Form {
    const form = this.#findForm(key)
    if (!form) throw new Error(`${key} belongs to no kind that is served`)
    return form
  }

  #findForm(key: string): Form | undefined {
    for (let slash = key.indexOf('/', 1); slash >= 0; slash = key.indexOf('/', slash + 1)) {
      const prefix = key.slice(0, slash + 1)
      const form = this.#forms.get(prefix) ?? this.#customForms.get(prefix)
      if (form) return form
    }
    return undefined
  }
}

function messageOf(type: string): TypeDef | undefined {
  const message = findType(type)
  return message && hasProtobuf(message) ? message : undefined
}

/** An older server may have left out what has a default since. */
function inStorageVersion(object: KubeObject, { strategy, convert }: KindDefinition): KubeObject {
  strategy.setDefaults(object)
  return convert ? convert.toStorage(object) : object
}
