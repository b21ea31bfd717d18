/**
 * The Status object, the only shape in which the API reports failure, and the one error class that carries it.
 * Source: apimachinery/pkg/api/errors. Messages are protocol.
 */
export interface StatusCause {
  reason?: string
  message?: string
  field?: string
}

export interface Status {
  kind: 'Status'
  apiVersion: 'v1'
  metadata: { continue?: string; resourceVersion?: string }
  status: 'Success' | 'Failure'
  message?: string
  reason?: string
  details?: {
    name?: string
    group?: string
    kind?: string
    uid?: string
    causes?: StatusCause[]
    retryAfterSeconds?: number
  }
  code?: number
}

export class StatusError extends Error {
  readonly status: Status

  constructor(status: Status) {
    super(status.message ?? status.reason ?? 'unknown failure')
    this.name = 'StatusError'
    this.status = status
  }

  get code(): number {
    return this.status.code ?? 500
  }

  get reason(): string {
    return this.status.reason ?? 'Unknown'
  }
}

/** The group and plural (or kind, for invalid objects) that a failure speaks of. */
export interface Subject {
  group: string
  /** Plural resource name. */
  plural: string
}

const failure = (code: number, reason: string, message: string, details?: Status['details']): StatusError =>
  new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    ...(details ? { details } : {}),
    code,
  })

const detailsOf = (s: Subject, name?: string): Status['details'] => ({
  ...(name ? { name } : {}),
  ...(s.group ? { group: s.group } : {}),
  kind: s.plural,
})
const qualified = (s: Subject): string => (s.group ? `${s.plural}.${s.group}` : s.plural)

export const notFound = (s: Subject, name: string) =>
  failure(404, 'NotFound', `${qualified(s)} ${JSON.stringify(name)} not found`, detailsOf(s, name))
export const alreadyExists = (s: Subject, name: string) =>
  failure(409, 'AlreadyExists', `${qualified(s)} ${JSON.stringify(name)} already exists`, detailsOf(s, name))
/** Of an object that has a `generateName`, even where it came with a name of its own. */
export const generatedNameTaken = (s: Subject, name: string) =>
  failure(
    409,
    'AlreadyExists',
    `${qualified(s)} ${JSON.stringify(name)} already exists, the server was not able to generate a unique name for the object`,
    { ...detailsOf(s, name), retryAfterSeconds: 1 },
  )
export const conflict = (s: Subject, name: string, message: string) =>
  failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(s)} ${JSON.stringify(name)}: ${message}`,
    detailsOf(s, name),
  )
export const forbidden = (s: Subject, name: string, message: string) =>
  failure(
    403,
    'Forbidden',
    `${qualified(s)}${name ? ` ${JSON.stringify(name)}` : ''} is forbidden: ${message}`,
    detailsOf(s, name),
  )
export const badRequest = (message: string) => failure(400, 'BadRequest', message)
export const unauthorized = () => failure(401, 'Unauthorized', 'Unauthorized')
export const gone = (message: string) => failure(410, 'Gone', message)
export const expired = (message: string) => failure(410, 'Expired', message)
export const internal = (message: string) =>
  failure(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] })
export const serviceUnavailable = (message: string) => failure(503, 'ServiceUnavailable', message)
export const methodNotSupported = (s: Subject, action: string) =>
  failure(
    405,
    'MethodNotAllowed',
    `${action} is not supported on resources of kind ${JSON.stringify(qualified(s))}`,
    detailsOf(s),
  )
export const tooManyRequests = (message: string, retryAfterSeconds: number) =>
  failure(429, 'TooManyRequests', message, retryAfterSeconds ? { retryAfterSeconds } : undefined)
export const notAcceptable = (message: string) => failure(406, 'NotAcceptable', message)
export const unsupportedMediaType = (message: string) => failure(415, 'UnsupportedMediaType', message)
export const requestEntityTooLarge = (message: string) => failure(413, 'RequestEntityTooLarge', message)
export const timeout = (message: string) => failure(504, 'Timeout', `Timeout: ${message}`)
export const statusFailure = failure

/** One thing wrong with one field. `type` is the cause's reason on the wire. Source: apimachinery/pkg/util/validation/field. */
export interface FieldError {
  type:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueDuplicate'
    | 'FieldValueNotSupported'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueNotFound'
    | 'FieldValueTypeInvalid'
    | 'InternalError'
  /** Path such as `spec.template.spec.containers[0].name`. */
  field: string
  /** Everything after `field: ` on the wire, such as `Invalid value: "x": must be …`. */
  message: string
}

/** 422 with one cause per field error. `kind` is the object's kind, not the resource. */
export function invalid(of: { group: string; kind: string }, name: string, errors: readonly FieldError[]): StatusError {
  const qualifiedKind = of.group ? `${of.kind}.${of.group}` : of.kind
  const lines = [...new Set(errors.map((e) => `${e.field}: ${e.message}`))]
  const text = lines.length === 1 ? lines[0]! : `[${lines.join(', ')}]`
  return failure(422, 'Invalid', `${qualifiedKind} ${JSON.stringify(name)} is invalid: ${text}`, {
    ...(name ? { name } : {}),
    ...(of.group ? { group: of.group } : {}),
    kind: of.kind,
    causes: errors.map((e) => ({ reason: e.type, message: e.message, field: e.field })),
  })
}

export const isNotFound = (error: unknown): error is StatusError => error instanceof StatusError && error.code === 404
export const isConflict = (error: unknown): error is StatusError =>
  error instanceof StatusError && error.reason === 'Conflict'
export const isAlreadyExists = (error: unknown): error is StatusError =>
  error instanceof StatusError && error.reason === 'AlreadyExists'
export const isGone = (error: unknown): error is StatusError => error instanceof StatusError && error.code === 410
