import {
  addQuantities,
  approximate,
  compareQuantities,
  parseQuantity,
  quantityOf,
  scaledValue,
  signOf,
  subtractQuantities,
  type Quantity,
} from '#shared/kube/quantity.ts'
import { CelError } from '../values/errors.ts'
import { OpaqueValue } from '../values/values.ts'
import { overload, readsFirst, type Overload } from './overload.ts'

class QuantityValue extends OpaqueValue {
  readonly typeName = 'kubernetes.Quantity'
  readonly quantity: Quantity
  constructor(quantity: Quantity) {
    super()
    this.quantity = quantity
  }
  equals(other: OpaqueValue): boolean {
    return compareQuantities(this.quantity, (other as QuantityValue).quantity) === 0
  }
}

/** Throws CelError. */
export function quantityValue(text: string): QuantityValue {
  try {
    return new QuantityValue(parseQuantity(text))
  } catch (error) {
    throw new CelError((error as Error).message)
  }
}

function isQuantity(text: string): boolean {
  try {
    parseQuantity(text)
    return true
  } catch {
    return false
  }
}

const isWhole = ({ quantity: { unscaled, scale } }: QuantityValue): boolean =>
  scale >= 0 || BigInt(unscaled) % 10n ** BigInt(-scale) === 0n
const whole = (value: QuantityValue): bigint | undefined => {
  const integer = isWhole(value) ? scaledValue(value.quantity, 0) : undefined
  return integer !== undefined && integer >= -(2n ** 63n) && integer < 2n ** 63n ? integer : undefined
}

const order = (a: QuantityValue, b: QuantityValue) => compareQuantities(a.quantity, b.quantity)
const make = (quantity: Quantity) => new QuantityValue(quantity)

/** Source: apiserver/pkg/cel/library/quantity.go. */
export const quantities: readonly Overload[] = [
  overload('quantity(string): Quantity', quantityValue, readsFirst),
  overload('isQuantity(string): bool', isQuantity, readsFirst),
  overload('Quantity.sign(): int', ({ quantity }: QuantityValue) => BigInt(signOf(quantity))),
  overload('Quantity.isInteger(): bool', (value: QuantityValue) => whole(value) !== undefined),
  overload('Quantity.asInteger(): int', (value: QuantityValue) => {
    const integer = whole(value)
    if (integer === undefined) throw new CelError('cannot convert value to integer')
    return integer
  }),
  overload('Quantity.asApproximateFloat(): double', ({ quantity }: QuantityValue) => approximate(quantity)),
  overload('Quantity.isGreaterThan(Quantity): bool', (a: QuantityValue, b: QuantityValue) => order(a, b) > 0),
  overload('Quantity.isLessThan(Quantity): bool', (a: QuantityValue, b: QuantityValue) => order(a, b) < 0),
  overload('Quantity.compareTo(Quantity): int', (a: QuantityValue, b: QuantityValue) => BigInt(order(a, b))),
  overload('Quantity.add(Quantity): Quantity', (a: QuantityValue, b: QuantityValue) =>
    make(addQuantities(a.quantity, b.quantity)),
  ),
  overload('Quantity.add(int): Quantity', (a: QuantityValue, b: bigint) =>
    make(addQuantities(a.quantity, quantityOf(b))),
  ),
  overload('Quantity.sub(Quantity): Quantity', (a: QuantityValue, b: QuantityValue) =>
    make(subtractQuantities(a.quantity, b.quantity)),
  ),
  overload('Quantity.sub(int): Quantity', (a: QuantityValue, b: bigint) =>
    make(subtractQuantities(a.quantity, quantityOf(b))),
  ),
]
