import { StatusError } from '#shared/kube/status.ts'

const absent = 'the server could not find the requested resource'

/** Whether nobody serves what was asked for, other than that there is none of that name. */
export const isUnserved = (error: unknown): boolean => error instanceof StatusError && error.message === absent

/** A failure in the words of upstream's metrics client, which also names what it asked for where nobody serves it. */
export const toldBy =
  (api: string, request: string) =>
  (error: unknown): never => {
    const text = error instanceof Error ? error.message : String(error)
    throw new Error(`unable to fetch metrics from ${api}: ${isUnserved(error) ? `${text} (${request})` : text}`)
  }
