/** Numbers as Go's %v writes them: integers in full, others with an exponent below 1e-4 and from 1e6 on. */
export function goNumber(value: number, isInteger: boolean): string {
  if (isInteger) return String(Math.trunc(value))
  if (value === 0) return '0'
  const exponent = Math.floor(Math.log10(Math.abs(value)))
  if (exponent >= -4 && exponent < 6) return String(value)
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2')
}

/** Whether the value is a whole number of times the factor. */
export function isMultiple(value: number | bigint, factor: number): boolean {
  if (typeof value === 'bigint')
    return Number.isInteger(factor) ? value % BigInt(factor) === 0n : isMultiple(Number(value), factor)
  if (Number.isInteger(value) && Number.isInteger(factor)) return value % factor === 0
  const times = factor < 1 ? (1 / factor) * value : value / factor
  const rounded = Math.round(times)
  // As swag.IsFloat64AJSONInteger: equal within a relative error of 1e-9.
  return Math.abs(times - rounded) <= 1e-9 * Math.max(1, Math.abs(times))
}
