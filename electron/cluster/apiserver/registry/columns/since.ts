import { humanDuration } from '#shared/kube/duration.ts'

/** A cell that grows with time: how long ago a moment was, with fixed words around it. */
export class Since {
  readonly #at: number
  readonly before: string
  readonly after: string

  constructor(at: number, before: string, after: string) {
    this.#at = at
    this.before = before
    this.after = after
  }

  /** As kubectl writes durations: digits, letters and angle brackets only. `now` in milliseconds since the epoch. */
  duration(now: number): string {
    return humanDuration(now - this.#at)
  }
}

/** The cell of a time in RFC 3339; `<unknown>` for none. */
export const since = (time: string | null | undefined, before = '', after = ''): CellValue =>
  time ? new Since(Date.parse(time), before, after) : '<unknown>'

export type CellValue = string | number | boolean | null | Since
