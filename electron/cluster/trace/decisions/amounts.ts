import { formatQuantity, quantityOf } from '#shared/kube/quantity.ts'

/** The scheduler counts CPU in millicores, memory and storage in bytes, all else in units. */
const inBytes = (resource: string): boolean =>
  resource === 'memory' || resource.endsWith('storage') || resource.startsWith('hugepages-')

/** The exact quantity. */
export const quantity = (resource: string, amount: number): string =>
  formatQuantity(
    resource === 'cpu'
      ? quantityOf(amount, 'DecimalSI', -3)
      : quantityOf(amount, inBytes(resource) ? 'BinarySI' : 'DecimalSI'),
  )

/** For a sentence: in three digits, never less than what it is. */
export function readable(resource: string, amount: number): string {
  if (resource === 'cpu') return amount < 1000 ? `${amount}m` : roundedUp(amount / 1000)
  if (!inBytes(resource)) return quantity(resource, amount)
  const step = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, amount)) / 10))
  return `${roundedUp(amount / 1024 ** step)}${units[step]!}`
}

const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi']

function roundedUp(value: number): string {
  const scale = 10 ** (value >= 100 ? 0 : value >= 10 ? 1 : 2)
  return String(Math.ceil(value * scale - 1e-9) / scale)
}
