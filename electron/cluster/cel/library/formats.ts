import {
  dns1035LabelErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  labelValueErrors,
  qualifiedNameErrors,
} from '#shared/kube/names.ts'
import { OpaqueValue, Optional } from '../values/values.ts'
import { Timestamp } from '../values/time.ts'
import { parseRequestUri } from './go-url.ts'
import { overload, reading, type Overload } from './overload.ts'

class FormatValue extends OpaqueValue {
  readonly typeName = 'kubernetes.NamedFormat'
  readonly name: string
  readonly errors: (text: string) => readonly string[]
  /** About how long a regular expression for the format is: what validation costs. */
  override readonly size: number
  constructor(name: string, size: number, errors: FormatValue['errors']) {
    super()
    this.name = name
    this.size = size
    this.errors = errors
  }
  equals(other: OpaqueValue): boolean {
    return (other as FormatValue).name === this.name
  }
}

/** A prefix may end where generated characters follow. */
const prefix = (errors: (name: string) => string[]) => (text: string) => errors(text.replace(/-$/, 'a'))
const unless = (holds: (text: string) => boolean, error: string) => (text: string) => (holds(text) ? [] : [error])
const uri = (text: string) => {
  const parsed = parseRequestUri(text)
  return typeof parsed === 'string' ? [parsed] : []
}
const uuid = (text: string) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text)
const base64 = (text: string) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)

const named: Readonly<Record<string, FormatValue>> = {
  dns1123Label: new FormatValue('DNS1123Label', 30, dnsLabelErrors),
  dns1123Subdomain: new FormatValue('DNS1123Subdomain', 60, dnsSubdomainErrors),
  dns1035Label: new FormatValue('DNS1035Label', 30, dns1035LabelErrors),
  qualifiedName: new FormatValue('QualifiedName', 60, qualifiedNameErrors),
  dns1123LabelPrefix: new FormatValue('DNS1123LabelPrefix', 30, prefix(dnsLabelErrors)),
  dns1123SubdomainPrefix: new FormatValue('DNS1123SubdomainPrefix', 60, prefix(dnsSubdomainErrors)),
  dns1035LabelPrefix: new FormatValue('DNS1035LabelPrefix', 30, prefix(dns1035LabelErrors)),
  labelValue: new FormatValue('LabelValue', 40, labelValueErrors),
  uri: new FormatValue('URI', 1000, uri),
  uuid: new FormatValue('uuid', 90, unless(uuid, 'does not match the UUID format')),
  byte: new FormatValue('byte', 80, unless(base64, 'invalid base64')),
  date: new FormatValue(
    'date',
    190,
    unless((text) => Timestamp.ofDate(text) !== undefined, 'invalid date'),
  ),
  datetime: new FormatValue(
    'datetime',
    190,
    unless((text) => Timestamp.parse(text) !== undefined, 'invalid datetime'),
  ),
}

/** Source: apiserver/pkg/cel/library/format.go. */
export const formats: readonly Overload[] = [
  ...Object.entries(named).map(([name, format]) => overload(`format.${name}(): Format`, () => format)),
  overload('format.named(string): optional(Format)', (name: string) =>
    Object.hasOwn(named, name) ? Optional.of(named[name]!) : Optional.none,
  ),
  overload(
    'Format.validate(string): optional(list(string))',
    (format: FormatValue, text: string) => {
      const errors = format.errors(text)
      return errors.length ? Optional.of([...errors]) : Optional.none
    },
    { cost: ([format = 0, text = 0]) => reading(1 + text) * Math.ceil(format * 0.25) },
  ),
]
