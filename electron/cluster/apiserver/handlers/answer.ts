import type { KubeObject } from '#shared/kube/object.ts'
import type { Status } from '#shared/kube/status.ts'
import { parseExactly } from '../../schema/json/exact.ts'
import { encodeProtobuf, hasProtobuf } from '../../schema/protobuf.ts'
import { findType, metaTypes, typeNamed } from '../../schema/table.ts'
import { gather } from '../transport/gather.ts'
import { contentTypes, type Format } from './media.ts'
import { toYaml } from './yaml-output.ts'

/** What is sent: one buffer, or parts that are made while they are sent. */
export interface Answer {
  readonly status: number
  readonly contentType: string
  readonly body: Buffer | Iterable<Buffer | string>
}

/** How an object is written. */
export interface Writing {
  readonly format: Format
  readonly pretty: boolean
}

/** What has no protobuf form is JSON for those who ask for that. */
export function jsonAnswer(status: number, value: unknown, { format, pretty }: Writing = plainJson): Answer {
  if (format === 'yaml') return { status, contentType: contentTypes.yaml, body: Buffer.from(toYaml(value)) }
  const text = `${pretty ? JSON.stringify(value, null, 2) : JSON.stringify(value)}\n`
  return { status, contentType: contentTypes.json, body: Buffer.from(text) }
}

export const plainJson: Writing = { format: 'json', pretty: false }

/** An object that belongs to no view; `type` is its name in the schema table, unless it is a Status. */
export function objectAnswer(status: number, object: KubeObject, type: string, writing: Writing): Answer {
  if (writing.format !== 'protobuf') return jsonAnswer(status, withTypeFirst(object), writing)
  const { apiVersion = '', kind = '' } = object
  const message = findType(kind === 'Status' ? metaTypes.status : type)
  if (!message || !hasProtobuf(message)) return jsonAnswer(status, withTypeFirst(object))
  const body = encodeProtobuf(message, object, { apiVersion, kind })
  return { status, contentType: contentTypes.protobuf, body }
}

export const statusAnswer = (status: Status, writing: Writing): Answer =>
  writing.format === 'protobuf'
    ? { status: status.code ?? 200, contentType: contentTypes.protobuf, body: statusMessage(status) }
    : jsonAnswer(status.code ?? 200, status, writing)

export const statusMessage = (status: Status): Buffer =>
  encodeProtobuf(typeNamed(metaTypes.status), status, { apiVersion: 'v1', kind: 'Status' })

export const textAnswer = (status: number, text: string): Answer => ({
  status,
  contentType: 'text/plain; charset=utf-8',
  body: Buffer.from(text),
})

/** kind and apiVersion in front, as typed clients expect to read them. */
export function withTypeFirst({ kind, apiVersion, ...rest }: KubeObject): KubeObject {
  return { kind, apiVersion, ...rest } as KubeObject
}

/** Nobody reads more than this: it is sent as it is, and the server stays free for others. */
const mostPretty = 4 * 1024 * 1024

export const wholeBody = ({ body }: Answer): Buffer => (Buffer.isBuffer(body) ? body : Buffer.concat([...gather(body)]))

/** The same answer in another form: prettily, or as YAML. */
export function rewrite(answer: Answer, writing: Writing): Answer {
  if (answer.contentType !== contentTypes.json || (writing.format === 'json' && !writing.pretty)) return answer
  const body = wholeBody(answer)
  if (writing.format === 'json' && body.length > mostPretty) return { ...answer, body }
  return jsonAnswer(answer.status, parseExactly(body.toString()), writing)
}

/** Names and values in turn. Each warning is said once. */
export function answerHeaders(contentType: string, warnings: readonly string[]): string[] {
  const headers = ['Content-Type', contentType, 'Cache-Control', 'no-cache, private']
  if (warnings.length) for (const text of new Set(warnings)) headers.push('Warning', `299 - ${quoted(text)}`)
  return headers
}

/** A quoted string of RFC 7230; what a header cannot carry is left out. */
const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&').replace(/[^\t\x20-\x7e\x80-\xff]/g, '')}"`
