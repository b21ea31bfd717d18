import type { StatusError } from '#shared/kube/status.ts'

/** The webhook could not be asked, or answered with something else than an answer. The message is client-go's. */
export class WebhookCallError extends Error {
  override readonly name = 'WebhookCallError'
}

/** What client-go says of an answer that is no success. */
export function answerFailure(status: number, text: string): string {
  if (status === 404) return 'the server could not find the requested resource'
  if (status === 401) return 'the server has asked for the client to provide credentials'
  if (status === 403) return 'unknown'
  if (status === 429) return 'the server has received too many requests and has asked us to try again later'
  if (status === 503) return 'the server is currently unable to handle the request'
  if (status === 504)
    return 'the server was unable to return a response in the time allotted, but may still be processing the request'
  if (status >= 500)
    return `an error on the server (${JSON.stringify(text || 'unknown')}) has prevented the request from succeeding`
  return `the server rejected our request for an unknown reason`
}

/** What the resolver says of a service that cannot be reached. */
export function resolveFailure(error: StatusError, service: string): string {
  return error.code === 404 ? `service ${JSON.stringify(service)} not found` : error.message
}
