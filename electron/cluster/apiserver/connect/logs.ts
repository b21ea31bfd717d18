import type { IncomingMessage } from 'node:http'
import { invalid, statusFailure, type FieldError } from '#shared/kube/status.ts'
import { isTrue } from '../filters/request-info.ts'
import { textAnswer } from '../handlers/answer.ts'
import type { Connector } from '../handlers/api-request.ts'
import { invalid as invalidField } from '../registry/validation/field.ts'
import { kubeletGet } from './kubelet-connection.ts'
import type { ConnectDeps } from './deps.ts'
import { isWebSocket, sendOverWebSocket } from './log-over-websocket.ts'
import { streamThrough } from './stream-through.ts'
import { containerOf, kubeletOf, podOf } from './targets.ts'

const passedOn = [
  'follow',
  'previous',
  'timestamps',
  'sinceSeconds',
  'sinceTime',
  'tailLines',
  'limitBytes',
  'stream',
] as const
const flags: readonly string[] = ['follow', 'previous', 'timestamps']

/** GET …/pods/NAME/log. */
export const logConnector =
  ({ pki, services }: ConnectDeps): Connector =>
  async ({ exchange, query, upgrade }, { namespace, name }) => {
    const pod = podOf(services, namespace, name)
    checkOptions(query)
    const container = containerOf(pod, query.get('container'))
    // Nobody has run it yet, so that there is nothing to show.
    if (!pod.spec?.nodeName) return textAnswer(200, '')
    const asked = new URLSearchParams()
    for (const option of passedOn) {
      const value = query.get(option)
      if (value === null || (flags.includes(option) && !isTrue(value))) continue
      asked.set(option, flags.includes(option) ? 'true' : value)
    }
    const path = `/containerLogs/${encodeURIComponent(namespace!)}/${encodeURIComponent(name)}/${encodeURIComponent(container)}?${asked}`
    const gone = new AbortController()
    exchange.onClose(() => gone.abort(new Error('the client is gone')))
    const answer = await kubeletGet(pki, kubeletOf(services, pod), path, gone.signal)
    if ((answer.statusCode ?? 500) >= 400) throw await failureOf(answer)
    if (upgrade && isWebSocket(upgrade)) {
      sendOverWebSocket(upgrade, answer)
      return undefined
    }
    streamThrough(exchange, answer, [
      'Content-Type',
      answer.headers['content-type'] ?? 'text/plain',
      'Cache-Control',
      'no-cache, private',
    ])
    return undefined
  }

const reasons: Readonly<Record<number, string>> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
}

async function failureOf(answer: IncomingMessage): Promise<Error> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk as Buffer)
  const code = answer.statusCode!
  return statusFailure(code, reasons[code] ?? 'InternalError', Buffer.concat(chunks).toString().trim())
}

/** Source: ValidatePodLogOptions in pkg/apis/core/validation. */
function checkOptions(query: URLSearchParams): void {
  const errors: FieldError[] = []
  const number = (name: string) => (query.has(name) ? Number(query.get(name)) : undefined)
  const tail = number('tailLines')
  if (tail !== undefined && !(tail >= 0))
    errors.push(invalidField('tailLines', tail, 'must be greater than or equal to 0'))
  const limit = number('limitBytes')
  if (limit !== undefined && !(limit >= 1)) errors.push(invalidField('limitBytes', limit, 'must be greater than 0'))
  const since = number('sinceSeconds')
  if (since !== undefined && query.has('sinceTime')) {
    errors.push({
      type: 'FieldValueForbidden',
      field: '',
      message: 'Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    })
  } else if (since !== undefined && !(since >= 1))
    errors.push(invalidField('sinceSeconds', since, 'must be greater than 0'))
  if (errors.length) throw invalid({ group: '', kind: 'PodLogOptions' }, '', errors)
}
