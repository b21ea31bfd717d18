const units = ['PiB', 'TiB', 'GiB', 'MiB', 'KiB'] as const

/** An amount of bytes as a person would say it: `16 GiB`, `1.5 GiB`, `12 B`. */
export function readableBytes(value: number): string {
  for (const [index, unit] of units.entries()) {
    const amount = value / 2 ** (10 * (units.length - index))
    if (amount >= 1) return `${amount.toFixed(amount < 10 ? 1 : 0)} ${unit}`
  }
  return `${value} B`
}
