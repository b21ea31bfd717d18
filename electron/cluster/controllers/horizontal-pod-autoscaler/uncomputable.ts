/** No replicas can be computed from a metric; the message says why, in upstream's words. */
export class UncomputableError extends Error {
  override readonly name = 'UncomputableError'
}
