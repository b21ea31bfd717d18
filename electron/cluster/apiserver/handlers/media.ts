import { notAcceptable, statusFailure } from '#shared/kube/status.ts'

export type Format = 'json' | 'yaml' | 'protobuf'

/** In which form an answer is wanted. */
export interface Accepted {
  readonly format: Format
  /** A view of the objects: Table, PartialObjectMetadata, PartialObjectMetadataList; '' for the objects themselves. */
  readonly as: string
  readonly version: string
  readonly group: string
}

const formats: Readonly<Record<string, Format>> = {
  'application/json': 'json',
  'application/yaml': 'yaml',
  'application/vnd.kubernetes.protobuf': 'protobuf',
  '*/*': 'json',
  'application/*': 'json',
  'text/yaml': 'yaml',
}

export const formatOf = (mediaType: string): Format | undefined => formats[mediaType]

export const contentTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  yaml: 'application/yaml',
  protobuf: 'application/vnd.kubernetes.protobuf',
}

const json: Accepted = { format: 'json', as: '', version: '', group: '' }
const offered = 'application/json, application/yaml, application/vnd.kubernetes.protobuf'
const offeredStreams = 'application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch'
const viewVersions = ['v1', 'v1beta1']
const views = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']

/** Which forms a kind has besides JSON and YAML. */
export interface Forms {
  readonly hasProtobuf: boolean
  readonly hasTable: boolean
}

/** The first acceptable of what the header lists, by its own order of preference. Throws 406. */
export function accepted(header: string | undefined, forms: Forms): Accepted {
  if (header === undefined || header === 'application/json' || header === '*/*' || header === '') return json
  const read = forms.hasTable ? ofAnyKind : ofActions
  return forms.hasProtobuf ? read.all(header) : read.withoutProtobuf(header)
}

const negotiating = (hasTable: boolean) => ({
  all: remembering((header) => negotiate(header, { hasProtobuf: true, hasTable })),
  withoutProtobuf: remembering((header) => negotiate(header, { hasProtobuf: false, hasTable })),
})
const ofAnyKind = negotiating(true)
const ofActions = negotiating(false)

/** The form of what is no object of a kind, such as a failure. Where nothing of it is wanted, JSON all the same. */
export const plainFormat: (header: string) => Format = remembering((header) => {
  const plain = parseAccept(header).find(({ type, parameters }) => formats[type] && !parameters.as)
  return plain ? formats[plain.type]! : 'json'
})

/** Clients send the same few headers again and again. */
function remembering<T>(read: (header: string) => T): (header: string) => T {
  const known = new Map<string, T>()
  return (header) => {
    const kept = known.get(header)
    if (kept !== undefined) return kept
    const found = read(header)
    if (known.size > 200) known.clear()
    known.set(header, found)
    return found
  }
}

/** Metadata has a protobuf form whatever it is of, tables have none. */
function negotiate(header: string, { hasProtobuf, hasTable }: Forms): Accepted {
  let understood = false
  for (const { type, parameters } of parseAccept(header)) {
    const format = formats[type]
    if (!format) continue
    understood = true
    const { as = '', v: version = '', g: group = '' } = parameters
    const isProtobuf = format === 'protobuf'
    if (as === '') {
      if (!isProtobuf || hasProtobuf) return { ...json, format }
    } else if (views.includes(as) && group === 'meta.k8s.io' && viewVersions.includes(version)) {
      if (as !== 'Table' || (hasTable && !isProtobuf)) return { format, as, version, group }
    }
  }
  if (understood) throw notAcceptable(`only the following media types are accepted: ${offered}`)
  throw statusFailure(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${offered}`, {})
}

/** Of a watch: YAML cannot be streamed. */
export function mustStream({ format }: Accepted): void {
  if (format === 'yaml') throw notAcceptable(`only the following media types are accepted: ${offeredStreams}`)
}

export interface MediaRange {
  type: string
  parameters: Readonly<Record<string, string>>
}

/** Media ranges by descending quality, those of equal quality in their order. */
export function parseAccept(header: string): MediaRange[] {
  const ranges = header.split(',').map((part) => {
    const [type = '', ...rest] = part.split(';').map((piece) => piece.trim())
    const parameters: Record<string, string> = {}
    for (const piece of rest) {
      const equals = piece.indexOf('=')
      if (equals > 0) parameters[piece.slice(0, equals).toLowerCase()] = piece.slice(equals + 1)
    }
    const quality = Number(parameters.q ?? 1)
    return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 1 : quality }
  })
  return ranges.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality)
}

/** The bare media type of a Content-Type header. */
export const mediaTypeOf = (header: string | undefined): string => (header ?? '').split(';', 1)[0]!.trim().toLowerCase()
