import { bodyLimit, type ApiRequest } from './api-request.ts'
import { mediaTypeOf } from './media.ts'
import type { Core } from './operation.ts'
import { mayBeJson } from './yaml.ts'

/** From here on reading YAML takes longer than starting a thread for it. */
export const largeYaml = 64 * 1024

export const isLargeYaml = (body: Buffer, contentType: string | undefined): boolean =>
  body.length >= largeYaml && !mayBeJson(body) && mediaTypeOf(contentType).endsWith('yaml')

/** The whole body; a large one in YAML as JSON, which every reader of YAML takes for what it is. */
export async function requestBody(
  core: Pick<Core, 'convertYaml'>,
  { exchange }: Pick<ApiRequest, 'exchange'>,
): Promise<Buffer> {
  const body = await exchange.body(bodyLimit)
  if (!core.convertYaml || !isLargeYaml(body, exchange.header('content-type'))) return body
  // The audit log, too, has no time to read it as it came.
  return (exchange.received = await core.convertYaml(body))
}
