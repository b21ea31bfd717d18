import { readableBytes } from './bytes.ts'

const binary: Record<string, number> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50 }
const decimal: Record<string, number> = { m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15 }

/** An amount as a person would say it: `16 GiB` for 16384000Ki, `4` for 4000m of CPU. */
export function readableQuantity(resource: string, amount: string): string {
  const [, digits = '', suffix = ''] = /^([\d.]+)([a-zA-Z]*)$/.exec(amount) ?? []
  const value = Number(digits) * (binary[suffix] ?? decimal[suffix] ?? 1)
  if (!digits || Number.isNaN(value)) return amount
  if (resource !== 'memory' && resource !== 'ephemeral-storage') return String(Math.round(value * 1000) / 1000)
  return readableBytes(value)
}

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })

/** Cores as a person would say them: `12m`, `1.25`, `16`, `31,500`. */
export function readableCores(cores: number): string {
  if (cores > 0 && cores < 1) return `${Math.round(cores * 1000)}m`
  return cores < 100 ? String(Math.round(cores * 100) / 100) : whole.format(cores)
}
