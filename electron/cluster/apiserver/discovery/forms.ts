import { encodeProtobuf } from '../../schema/protobuf.ts'
import { typeNamed } from '../../schema/table.ts'
import { formatOf, parseAccept, type Format } from '../handlers/media.ts'
import { toYaml } from '../handlers/yaml-output.ts'
import { documentOf, type Document } from './documents.ts'

export interface WantedDocument {
  readonly format: Format
  /** v2 or v2beta1, when the client would rather have everything in one document. */
  readonly aggregated: string | undefined
}

const plain: WantedDocument = { format: 'json', aggregated: undefined }

/** `isRoot`: of /api and /apis there is an aggregated form too. */
export function wantedDocument(accept: string | undefined, isRoot: boolean): WantedDocument {
  for (const { type, parameters } of accept ? parseAccept(accept) : []) {
    const format = formatOf(type)
    const { g, v, as } = parameters
    if (!format) continue
    if (as === undefined) return { format, aggregated: undefined }
    const isAggregated =
      g === 'apidiscovery.k8s.io' && as === 'APIGroupDiscoveryList' && (v === 'v2' || v === 'v2beta1')
    if (isRoot && isAggregated) return { format, aggregated: v }
  }
  return plain
}

const made = new WeakMap<Document, Map<Format, Document>>()

/** The same document as YAML or protobuf. Made once. */
export function inForm(document: Document, format: Format): Document {
  if (format === 'json') return document
  let forms = made.get(document)
  if (!forms) made.set(document, (forms = new Map<Format, Document>()))
  let form = forms.get(format)
  if (!form) forms.set(format, (form = converted(document, format)))
  return form
}

function converted({ body, contentType }: Document, format: 'yaml' | 'protobuf'): Document {
  const object = JSON.parse(body.toString()) as { apiVersion?: string; kind: string }
  if (format === 'yaml')
    return documentOf(Buffer.from(toYaml(object)), contentType.replace('application/json', 'application/yaml'))
  const { apiVersion = '', kind } = object
  const home =
    kind === 'APIGroupDiscoveryList' ? 'io.k8s.api.apidiscovery.v2.' : 'io.k8s.apimachinery.pkg.apis.meta.v1.'
  return documentOf(
    encodeProtobuf(typeNamed(home + kind), object, { apiVersion, kind }),
    contentType.replace('application/json', 'application/vnd.kubernetes.protobuf'),
  )
}
