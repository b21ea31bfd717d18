import type { Device } from '#shared/kube/devices.ts'
import type { Frozen } from '#shared/kube/object.ts'
import { CompileError, Environment, formatType, yields, type Expression } from './environment.ts'
import { quantityValue } from './library/quantities.ts'
import { semverValue } from './library/semver.ts'
import { typeNamed } from './types/signature.ts'
import { bool, dyn, map, objectType, string } from './types/types.ts'
import { CelError } from './values/errors.ts'
import { LiteralMap, type CelValue, type MapValue } from './values/values.ts'

const name = 'kubernetes.DRADevice'
const environment = new Environment({
  variables: {
    device: objectType(name, {
      driver: string,
      attributes: map(string, map(string, dyn)),
      capacity: map(string, map(string, typeNamed('Quantity'))),
      allowMultipleAllocations: bool,
    }),
  },
})

/** A selector of devices, or why it is none. Source: dynamic-resource-allocation/cel/compile.go. */
export function compileSelector(source: string): Expression | { readonly error: string } {
  try {
    const expression = environment.compile(source)
    if (yields(expression, bool, dyn)) return expression
    return { error: `must evaluate to bool or the unknown type, not ${formatType(expression.resultType)}` }
  } catch (error) {
    if (error instanceof CompileError) return { error: `compilation failed: ${error.message}` }
    throw error
  }
}

/** A device as selectors see it. */
export function deviceVariable(driver: string, device: Frozen<Device>): CelValue {
  return new LiteralMap(
    new Map<CelValue, CelValue>([
      ['driver', driver],
      ['attributes', byDomain(driver, device.attributes ?? {}, attributeValue)],
      ['capacity', byDomain(driver, device.capacity ?? {}, ({ value = '0' }) => quantityValue(value))],
      ['allowMultipleAllocations', device.allowMultipleAllocations ?? false],
    ]),
    name,
  )
}

/** Throws CelError where it cannot be evaluated or is no bool. */
export function selects(expression: Expression, device: CelValue): boolean {
  const result = expression.evaluate({ device })
  if (typeof result === 'boolean') return result
  throw new CelError('CEL result could not be converted to bool: type conversion error')
}

function attributeValue(attribute: Frozen<NonNullable<Device['attributes']>[string]>): CelValue {
  const { int, bool: flag, string: text, version } = attribute
  if (int !== undefined) return BigInt(int)
  if (flag !== undefined) return flag
  if (text !== undefined) return text
  if (version !== undefined) return semverValue(version)
  throw new CelError('unsupported attribute value')
}

const nothing = new LiteralMap(new Map())

/** Every domain can be read, also one that the device says nothing of. */
class Domains extends LiteralMap {
  override find(key: CelValue): CelValue {
    return super.find(key) ?? nothing
  }
  override has(key: CelValue): boolean {
    return super.find(key) !== undefined
  }
}

/** Names without a domain are the driver's own. */
function byDomain<T>(driver: string, values: Readonly<Record<string, T>>, valueOf: (value: T) => CelValue): MapValue {
  const domains = new Map<string, Map<CelValue, CelValue>>()
  for (const [qualified, value] of Object.entries(values)) {
    const slash = qualified.indexOf('/')
    const domain = slash < 0 ? driver : qualified.slice(0, slash)
    const known = domains.get(domain) ?? new Map<CelValue, CelValue>()
    domains.set(domain, known.set(qualified.slice(slash + 1), valueOf(value)))
  }
  return new Domains(new Map([...domains].map(([domain, entries]) => [domain, new LiteralMap(entries)])))
}
