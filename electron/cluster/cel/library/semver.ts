import { CelError } from '../values/errors.ts'
import { OpaqueValue } from '../values/values.ts'
import { overload, readsFirst, type Overload } from './overload.ts'

interface Version {
  readonly numbers: readonly [bigint, bigint, bigint]
  readonly pre: readonly string[]
}

class SemverValue extends OpaqueValue {
  readonly typeName = 'kubernetes.Semver'
  readonly version: Version
  constructor(version: Version) {
    super()
    this.version = version
  }
  equals(other: OpaqueValue): boolean {
    return order(this, other as SemverValue) === 0
  }
}

const identifier = '(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)'
const shape = new RegExp(
  `^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
)

function parse(text: string): Version | string {
  const parts = shape.exec(text)
  if (parts)
    return { numbers: [BigInt(parts[1]!), BigInt(parts[2]!), BigInt(parts[3]!)], pre: parts[4]?.split('.') ?? [] }
  if (text === '') return 'Version string empty'
  const numbers = text.split(/[-+]/)[0]!.split('.')
  if (numbers.length !== 3) return 'No Major.Minor.Patch elements found'
  for (const number of numbers) {
    if (/^0\d/.test(number)) return `Number must not contain leading zeroes ${JSON.stringify(number)}`
    if (!/^\d+$/.test(number)) return `Invalid character(s) found in number ${JSON.stringify(number)}`
  }
  return `Invalid version ${JSON.stringify(text)}`
}

/** Tolerated: spaces, a leading v, missing minor and patch, leading zeros. */
function normalize(text: string): string {
  const [, core = '', rest = ''] = /^v?([0-9.]*)([^]*)$/.exec(text.trim())!
  const numbers = core.split('.').map((number) => number.replace(/^0+(?=\d)/, ''))
  while (numbers.length < 3 && core) numbers.push('0')
  return numbers.join('.') + rest
}

/** Throws CelError. */
export function semverValue(text: string, normalized = false): SemverValue {
  const version = parse(normalized ? normalize(text) : text)
  if (typeof version === 'string') throw new CelError(version)
  return new SemverValue(version)
}

function order({ version: a }: SemverValue, { version: b }: SemverValue): -1 | 0 | 1 {
  for (const i of [0, 1, 2] as const) if (a.numbers[i] !== b.numbers[i]) return a.numbers[i] < b.numbers[i] ? -1 : 1
  if (!a.pre.length || !b.pre.length) return a.pre.length === b.pre.length ? 0 : a.pre.length ? -1 : 1
  for (let i = 0; i < Math.max(a.pre.length, b.pre.length); i++) {
    const found = orderPre(a.pre[i], b.pre[i])
    if (found) return found
  }
  return 0
}

function orderPre(a: string | undefined, b: string | undefined): -1 | 0 | 1 {
  if (a === b) return 0
  if (a === undefined || b === undefined) return a === undefined ? -1 : 1
  const [numeric, other] = [/^\d+$/.test(a), /^\d+$/.test(b)]
  if (numeric !== other) return numeric ? -1 : 1
  if (numeric) return BigInt(a) < BigInt(b) ? -1 : 1
  return a < b ? -1 : 1
}

const is = (text: string, normalized = false) => typeof parse(normalized ? normalize(text) : text) !== 'string'

/** Source: apiserver/pkg/cel/library/semverlib.go, version 1. */
export const semvers: readonly Overload[] = [
  overload('semver(string): Semver', (text: string) => semverValue(text), readsFirst),
  overload('semver(string, bool): Semver', semverValue, readsFirst),
  overload('isSemver(string): bool', (text: string) => is(text), readsFirst),
  overload('isSemver(string, bool): bool', is, readsFirst),
  overload('Semver.isGreaterThan(Semver): bool', (a: SemverValue, b: SemverValue) => order(a, b) > 0),
  overload('Semver.isLessThan(Semver): bool', (a: SemverValue, b: SemverValue) => order(a, b) < 0),
  overload('Semver.compareTo(Semver): int', (a: SemverValue, b: SemverValue) => BigInt(order(a, b))),
  overload('Semver.major(): int', ({ version }: SemverValue) => version.numbers[0]),
  overload('Semver.minor(): int', ({ version }: SemverValue) => version.numbers[1]),
  overload('Semver.patch(): int', ({ version }: SemverValue) => version.numbers[2]),
]
