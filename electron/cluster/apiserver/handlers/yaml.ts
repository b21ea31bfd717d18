import { badRequest, type StatusError } from '#shared/kube/status.ts'
import { jsonOfYaml } from './yaml-text.ts'

/** The JSON of a YAML document. Throws 400. */
export function yamlToJson(body: Buffer): string {
  const text = body.toString()
  if (isJson(body, text)) return text
  try {
    return jsonOfYaml(text)
  } catch (error) {
    throw yamlFailure(error)
  }
}

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
