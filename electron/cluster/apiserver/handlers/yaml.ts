import { badRequest, type StatusError } from '#shared/kube/status.ts'
import { readYaml, type YamlText } from './yaml-text.ts'

/** The JSON of a YAML document. Throws 400. */
export const yamlToJson = (body: Buffer): string => readYamlBody(body).json

/** Likewise, with the keys that stand twice in it, unless it is JSON: whose reader finds them. Throws 400. */
export function readYamlBody(body: Buffer): YamlText {
  const text = body.toString()
  if (isJson(body, text)) return { json: text, duplicates: [] }
  try {
    return readYaml(text)
  } catch (error) {
    throw yamlFailure(error)
  }
}

/** What strict decoding says of keys that stand twice. */
export const duplicateKeys = (duplicates: readonly string[]): string =>
  ['yaml: unmarshal errors:', ...duplicates].join('\n  ')

export function yamlFailure(error: unknown): StatusError {
  const message = error instanceof Error ? error.message.split('\n', 1)[0]! : String(error)
  return badRequest(`error converting YAML to JSON: yaml: ${message}`)
}

/** What clients send as YAML is mostly JSON, which is YAML too and read a hundred times as fast. */
function isJson(body: Buffer, text: string): boolean {
  if (!mayBeJson(body)) return false
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

const brace = 0x7b
const bracket = 0x5b
export const mayBeJson = (body: Buffer): boolean => body[0] === brace || body[0] === bracket
