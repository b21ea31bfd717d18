import { expired, internal, StatusError, statusFailure } from '#shared/kube/status.ts'
import { CommitError, CompactedError, FutureRevisionError, StoreUnavailableError } from '../../store/api.ts'

/** The one place where what the store throws becomes what clients are told. */
export function translateStoreError(error: unknown, asked?: number): unknown {
  if (error instanceof StatusError) return error
  if (error instanceof CompactedError) return tooOld(asked ?? 0, error.oldest)
  if (error instanceof FutureRevisionError) return tooLarge(asked ?? 0, error.current)
  if (error instanceof StoreUnavailableError) return unavailable(error)
  if (error instanceof CommitError) return internal(`${error.message}. ${error.cure}`)
  return internal(error instanceof Error ? error.message : String(error))
}

/** Clients may try again at once what has never been sent, but have to look first where the outcome is unknown. */
function unavailable({ message, outcome }: StoreUnavailableError): StatusError {
  return outcome === 'not-sent'
    ? statusFailure(503, 'ServiceUnavailable', message, { retryAfterSeconds: 1 })
    : statusFailure(504, 'Timeout', `Timeout: ${message}: it is unknown whether the request took effect`)
}

export const tooOld = (asked: number, oldest: number): StatusError =>
  expired(`too old resource version: ${asked} (${oldest})`)

/** Source: apiserver/pkg/storage/errors.go. Clients retry on the cause's reason. */
export const tooLarge = (asked: number, current: number): StatusError =>
  statusFailure(504, 'Timeout', `Timeout: Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  })

const continueTooOld =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.'

/** 410 with a token that goes on from the same place in the newest state. */
export function continueExpired(token: string): StatusError {
  const error = expired(continueTooOld)
  error.status.metadata.continue = token
  return error
}

export const listExpired = (): StatusError => expired('The resourceVersion for the provided list is too old.')

export const modified = 'the object has been modified; please apply your changes to the latest version and try again'
