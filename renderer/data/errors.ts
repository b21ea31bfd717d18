import type { ChannelError } from '#shared/ipc/channel.ts'

/** A refused or failed request as an Error. `message` says what is wrong; `cure`, where known, what to do. */
export class ChannelFailure extends Error {
  readonly code: number
  readonly reason: string
  readonly cure: string | undefined
  readonly causes: NonNullable<ChannelError['causes']>

  constructor(error: ChannelError) {
    super(error.message)
    this.name = 'ChannelFailure'
    this.code = error.code
    this.reason = error.reason
    this.cure = error.cure
    this.causes = error.causes ?? []
  }
}

export interface Problem {
  message: string
  cure?: string | undefined
}

/** Anything thrown, in the two sentences a person is shown. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ChannelFailure) return { message: error.message, cure: error.cure }
  return { message: error instanceof Error ? error.message : String(error) }
}

export const isCancelled = (error: unknown): boolean =>
  (error instanceof ChannelFailure && error.reason === 'Cancelled') ||
  (error instanceof DOMException && error.name === 'AbortError')
