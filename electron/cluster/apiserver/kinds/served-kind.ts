import type { KubeObject, ObjectMeta } from '#shared/kube/object.ts'
import { formatFieldSelector, matchesFields, type FieldSelector } from '#shared/kube/field-selectors.ts'
import { apiVersionOf } from '#shared/kube/resources.ts'
import { formatSelector, matches as labelsMatch, type Selector } from '#shared/kube/selectors.ts'
import { badRequest, type Subject } from '#shared/kube/status.ts'
import type { Decoded } from '../../schema/api.ts'
import { convertValue, decodeValue } from '../../schema/decode-json.ts'
import { encodeMessage, hasProtobuf } from '../../schema/protobuf.ts'
import { findType, metaTypes, typeNamed } from '../../schema/table.ts'
import type { Entry, StoreEvent } from '../../store/api.ts'
import type { KindDefinition, Strategy, Subresource, UserInfo, Visibility } from '../registry/kind.ts'
import { decodeStored, encodeBare, encodeStored, headOf } from '../storage/codec.ts'
import { RecentObjects, type InVersion } from '../storage/derived.ts'
import type { ObjectStore } from '../storage/object-store.ts'
import type { RecentMessages } from '../storage/recent-messages.ts'
import { Row } from '../storage/row.ts'
import type { ExactField, WatchFilter } from '../storage/watch-hub.ts'

export const allVerbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'] as const

/** What narrows a list or a watch. */
export interface Selection {
  namespace: string | undefined
  labels: Selector
  fields: FieldSelector
  /** Who asks, where not everybody is shown everything. */
  visible?: Visibility | undefined
}

/** A kind as the server serves it: its definition and, in its own version, the objects that are stored. */
export class ServedKind {
  readonly definition: KindDefinition
  /** `apps/v1`. */
  readonly apiVersion: string
  readonly subject: Subject
  readonly verbs: ReadonlySet<string>
  readonly subresources: ReadonlyMap<string, Subresource>
  /** What is spliced in front of stored bytes. */
  readonly head: Buffer
  /** Whether the kind has a protobuf form: custom resources have none. */
  readonly hasProtobuf: boolean
  /** Whether there are rows to be had of it: not of what can only be created, such as reviews. */
  readonly hasTable: boolean
  readonly #objects: ObjectStore | undefined
  readonly #messages: RecentMessages
  /** Of those that are not as they are stored. */
  readonly #recent = new RecentObjects()
  /** What others made of entries: kept while these are, for who has asked for it may be served after the next change. */
  readonly #conversions = new WeakMap<Entry, InVersion>()

  /** `objects` is absent for kinds that are not stored. */
  constructor(definition: KindDefinition, objects: ObjectStore | undefined, messages: RecentMessages) {
    this.definition = definition
    this.apiVersion = apiVersionOf(definition)
    this.subject = { group: definition.group, plural: definition.plural }
    this.verbs = new Set(definition.verbs ?? allVerbs)
    this.subresources = new Map((definition.subresources ?? []).map((sub) => [sub.name, sub]))
    this.head = headOf(this.apiVersion, definition.kind)
    const type = definition.custom ? undefined : findType(definition.type)
    this.hasProtobuf = type !== undefined && hasProtobuf(type)
    this.hasTable = this.verbs.has('get') || this.verbs.has('list')
    this.#objects = objects
    this.#messages = messages
  }

  get objects(): ObjectStore {
    if (!this.#objects) throw new Error(`${this.definition.kind} is not stored`)
    return this.#objects
  }

  get stored(): boolean {
    return this.#objects !== undefined
  }

  get kind(): string {
    return this.definition.kind
  }

  get listKind(): string {
    return this.definition.listKind ?? `${this.kind}List`
  }

  get namespaced(): boolean {
    return this.definition.namespaced
  }

  get strategy(): Strategy {
    return this.definition.strategy
  }

  /** Reads an object of this kind. `text` is the JSON that the value was parsed from. Throws DecodeError. */
  decode(value: unknown, text?: string): Decoded {
    const { custom, type } = this.definition
    return custom ? custom.decode(value, text) : decodeValue(typeNamed(type), value, text)
  }

  /** The same for what was made of an object and not read. Throws DecodeError. */
  convert(value: unknown): Decoded {
    const { custom, type } = this.definition
    return custom ? custom.decode(value) : convertValue(typeNamed(type), value)
  }

  /** The object in this version, shared by all readers. */
  object(entry: Entry): KubeObject {
    const { convert, convertLater } = this.definition
    if (!convert && !convertLater && this.#isCurrent(entry)) return this.objects.object(entry)
    return this.#recent.of(this.#inVersion(entry), entry.value.length, () => this.copy(entry))
  }

  /** The same for readers that pass over many: what nobody holds is decoded for them alone and let go at once. */
  glimpse(entry: Entry): KubeObject {
    const { convert, convertLater } = this.definition
    const stored = !convert && !convertLater && this.#isCurrent(entry)
    const object = stored ? this.objects.glimpse(entry) : (this.#inVersion(entry).object ?? this.copy(entry))
    this.#noteFields(entry, object)
    return object
  }

  /** Fields that are often asked for are read while the object is at hand: later it would be decoded for them alone. */
  #noteFields(entry: Entry, object: KubeObject): void {
    const { indexedFields = [], selectableFields } = this.definition
    if (!indexedFields.length) return
    const fields = (this.objects.derived(entry).fields ??= {})
    for (const name of indexedFields) fields[this.#fieldKey(name)] ??= selectableFields?.[name]?.(object) ?? ''
  }

  /** The object in this version, the caller's own. */
  copy(entry: Entry): KubeObject {
    if (this.definition.convertLater) return decodeStored(this.bytes(entry), this.apiVersion, this.kind)
    const stored = this.objects.copy(entry)
    if (this.definition.convert) return this.#converted(stored)
    if (this.#isCurrent(entry)) return stored
    // It may say another version, of a time when a webhook converted.
    return Object.assign(this.definition.custom!.renewed(stored), { apiVersion: this.apiVersion })
  }

  /** The object as it is stored; takes ownership. A promise where somebody else converts. */
  toStored(object: KubeObject): KubeObject | Promise<KubeObject> {
    const { convert, convertLater } = this.definition
    if (convertLater) return convertLater.toStorage(object)
    return convert ? convert.toStorage(object) : object
  }

  /** Makes entries readable in this version; undefined when they are already, which is always but where others convert. */
  prepare(entries: readonly Entry[]): Promise<void> | undefined {
    const { convertLater } = this.definition
    if (!convertLater) return undefined
    const missing = entries.filter((entry) => !this.#inVersion(entry).bytes)
    if (!missing.length) return undefined
    return convertLater.toThis(missing.map((entry) => this.objects.copy(entry))).then((objects) => {
      for (const [i, object] of objects.entries()) this.#inVersion(missing[i]!).bytes = encodeBare(object).value
    })
  }

  /** The JSON in this version without kind and apiVersion. Kept per version, so that each is made once. */
  bytes(entry: Entry): Buffer {
    const { convert, convertLater } = this.definition
    if (!convertLater && (!convert || convert.alike) && this.#isCurrent(entry)) return entry.value
    const version = this.#inVersion(entry)
    if (convertLater && !version.bytes) throw new Error(`${entry.key} has not been converted to ${this.apiVersion}`)
    return (version.bytes ??= this.#madeBytes(entry))
  }

  /** The JSON of the metadata as it is shown without the rest. */
  metadata(entry: Entry): Buffer | string {
    const bytes = this.objects.metadata(entry)
    if (!this.definition.writtenAnnotations) return bytes
    return JSON.stringify(this.metadataOf({ metadata: JSON.parse(bytes.toString()) as ObjectMeta }))
  }

  /** The same of an object that is not stored. */
  metadataOf({ metadata = {} }: KubeObject): ObjectMeta {
    const written = this.definition.writtenAnnotations
    if (!written || !metadata.annotations) return metadata
    const { annotations, ...rest } = metadata
    const kept = Object.entries(annotations).filter(([key]) => !written.includes(key))
    return kept.length ? { ...rest, annotations: Object.fromEntries(kept) } : rest
  }

  /** The protobuf message in this version, without its envelope. */
  message(entry: Entry): Buffer {
    const version = this.#inVersion(entry)
    const message = this.#messages.of(version, () => {
      const object = version.object ?? this.copy(entry)
      return encodeMessage(typeNamed(this.definition.type), object)
    })
    version.messageLength = message.length
    return message
  }

  /** The protobuf message of a PartialObjectMetadata. */
  metadataMessage(entry: Entry): Buffer {
    const metadata = JSON.parse(this.metadata(entry).toString()) as ObjectMeta
    const message = encodeMessage(typeNamed(metaTypes.partialObjectMetadata), { metadata })
    this.#inVersion(entry).metadataLength = message.length
    return message
  }

  /** How long these are, where they have been made before. */
  messageLength(entry: Entry): number | undefined {
    return this.#inVersion(entry).messageLength || undefined
  }

  metadataLength(entry: Entry): number | undefined {
    return this.#inVersion(entry).metadataLength || undefined
  }

  #madeBytes(entry: Entry): Buffer {
    const bytes = encodeBare(this.object(entry)).value
    // What is stored under an older schema mostly fits the new one as it is.
    return bytes.equals(entry.value) ? entry.value : bytes
  }

  /** False for custom resources that were stored before their schema changed. */
  #isCurrent(entry: Entry): boolean {
    const { custom } = this.definition
    return !custom || entry.revision > custom.since
  }

  /** The object's row in a table. An object that nobody holds is decoded for it and let go at once. */
  row(entry: Entry): Row {
    const known = this.#inVersion(entry)
    return (known.row ??= this.rowOf(known.object ?? this.copy(entry)))
  }

  /** The row of an object that is not stored. */
  rowOf(object: KubeObject): Row {
    const { columns, rowConditions } = this.definition
    return Row.of(object, columns, rowConditions?.(object))
  }

  #inVersion(entry: Entry): InVersion {
    const { convert, convertLater } = this.definition
    if (convertLater) {
      let converted = this.#conversions.get(entry)
      if (!converted) this.#conversions.set(entry, (converted = {}))
      return converted
    }
    const derived = this.objects.derived(entry)
    if (!convert && this.#isCurrent(entry)) return derived
    const versions = (derived.versions ??= new WeakMap<object, InVersion>())
    let version = versions.get(this)
    if (!version) versions.set(this, (version = {}))
    return version
  }

  #converted(stored: KubeObject): KubeObject {
    const object = this.definition.convert!.fromStorage(stored)
    object.apiVersion = this.apiVersion
    object.kind = this.kind
    return object
  }

  /** The value of a field that selectors may name. */
  field(entry: Entry, name: string): string {
    if (name === 'metadata.name') return nameIn(entry.key)
    if (name === 'metadata.namespace') return this.namespaced ? namespaceIn(entry.key) : ''
    const fields = (this.objects.derived(entry).fields ??= {})
    const key = this.#fieldKey(name)
    const known = fields[key]
    if (known !== undefined) return known
    const value = this.definition.selectableFields?.[name]?.(this.glimpse(entry)) ?? ''
    return (fields[key] = value)
  }

  /** Versions of a custom kind may mean different things by one field. */
  #fieldKey(name: string): string {
    return this.definition.custom ? `${this.apiVersion} ${name}` : name
  }

  /** Undefined where everybody is shown everything. */
  visibleTo(user: UserInfo): Visibility | undefined {
    return this.definition.visibleTo?.(user)
  }

  /** Refuses fields that the kind does not know. */
  checkFields(fields: FieldSelector): void {
    const known = this.definition.selectableFields
    for (const { field } of fields) {
      if (field === 'metadata.name' || (field === 'metadata.namespace' && (this.namespaced || !known))) continue
      if (known && Object.hasOwn(known, field)) continue
      throw badRequest(
        known
          ? `field label not supported: ${field}`
          : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
      )
    }
  }

  /** Whether the selection reads fields of objects that somebody else converts: then they are prepared before. */
  readsConverted({ fields }: Pick<Selection, 'fields'>): boolean {
    return this.definition.convertLater !== undefined && fields.some(({ field }) => !field.startsWith('metadata.'))
  }

  /** Undefined where everything under the selection's prefix matches. */
  matcher({ labels, fields, visible }: Selection): ((entry: Entry) => boolean) | undefined {
    if (!labels.length && !fields.length && !visible) return undefined
    const objects = this.objects
    return (entry) =>
      fields.every(({ field, equals, value }) => (this.field(entry, field) === value) === equals) &&
      (!labels.length || labelsMatch(labels, objects.labels(entry))) &&
      (!visible || visible.shows(this.object(entry)))
  }

  /** Whether an object that is not stored is one of those wanted. */
  selects({ labels, fields }: Omit<Selection, 'namespace'>, object: KubeObject): boolean {
    const { name = '', namespace = '' } = object.metadata ?? {}
    return (
      matchesFields(fields, (field) => (field === 'metadata.name' ? name : namespace)) &&
      labelsMatch(labels, object.metadata?.labels)
    )
  }

  watchFilter(selection: Selection): WatchFilter {
    const { namespace, labels, fields, visible } = selection
    const texts = [formatSelector(labels), formatFieldSelector(fields), visible?.key ?? '']
    return {
      key: [this.apiVersion, namespace ?? '', ...texts].join('|'),
      prefix: this.objects.prefixOf(namespace),
      matches: this.matcher(selection),
      exact: this.#exactOf(fields),
      departed: this.#departedEvent,
    }
  }

  /** The requirement, if there is one, that a field have a value. */
  #exactOf(fields: FieldSelector): ExactField | undefined {
    const exact = fields.find(({ equals }) => equals)
    if (!exact) return undefined
    const { field, value } = exact
    return { field: this.#fieldKey(field), value, read: (entry) => this.field(entry, field) }
  }

  /** What a watcher is shown of an object that its selector no longer matches: the old state at the new revision. */
  departed(previous: Entry, revision: number): Entry {
    const { value } = encodeStored(this.objects.copy(previous), revision, this.objects.type.marked)
    return { key: previous.key, value, revision, created: previous.created }
  }

  readonly #departedEvent = ({ previous, revision }: StoreEvent): Entry => this.departed(previous!, revision)
}

export const nameIn = (key: string): string => key.slice(key.lastIndexOf('/') + 1)

export function namespaceIn(key: string): string {
  const end = key.lastIndexOf('/')
  return key.slice(key.lastIndexOf('/', end - 1) + 1, end)
}
