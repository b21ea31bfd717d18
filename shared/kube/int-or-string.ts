/** Whole numbers or percentages, as apimachinery's intstr scales them. */
export type IntOrString = number | string

export class PercentError extends Error {
  override readonly name = 'PercentError'
}

/** The number meant: as it is, or the share of `total`, rounded up or down. Throws PercentError with upstream's text. */
export function scaledIntOrPercent(value: IntOrString, total: number, roundUp: boolean): number {
  if (typeof value === 'number') return value
  const percent = percentOf(value)
  const exact = (percent * total) / 100
  return roundUp ? Math.ceil(exact) : Math.floor(exact)
}

function percentOf(text: string): number {
  if (!text.endsWith('%'))
    throw new PercentError('invalid value for IntOrString: invalid type: string is not a percentage')
  const number = text.slice(0, -1)
  if (!/^[-+]?\d+$/.test(number))
    throw new PercentError(
      `invalid value for IntOrString: invalid value ${JSON.stringify(text)}: strconv.Atoi: parsing ${JSON.stringify(number)}: invalid syntax`,
    )
  return Number(number)
}

export const isPercent = (value: IntOrString): value is string => typeof value === 'string' && /^\d+%$/.test(value)

/** What upstream's IntValue() gives: a string that is no number counts as 0. */
export const intValue = (value: IntOrString): number =>
  typeof value === 'number' ? value : /^[-+]?\d+$/.test(value) ? Number(value) : 0
