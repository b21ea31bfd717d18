import type { CelSchema, Declaration } from './types.ts'

/** The largest request that the server reads: what unbounded values are bounded by. */
const request = 3 * 1024 * 1024
const stringSizes: Readonly<Record<string, { least: number; most: number }>> = {
  date: { least: 12, most: 12 },
  'date-time': { least: 22, most: 32 },
  duration: { least: 4, most: 32 },
}

/** Characters, elements or entries that a value of the schema has at most. Source: apiserver/pkg/cel/common/schemas.go. */
export function largestSize(schema: CelSchema, element: Declaration | undefined): number {
  if (schema['x-kubernetes-int-or-string']) return request - 2
  switch (schema.type) {
    case 'array':
      return positive(schema.maxItems) ?? Math.floor((request - 2) / (element!.smallest + 1))
    case 'object':
      return positive(schema.maxProperties) ?? Math.floor((request - 2) / ((element?.smallest ?? 0) + 6))
    case 'string':
      return largestString(schema)
    default:
      return 1
  }
}

function largestString({ format, maxLength, enum: values }: CelSchema): number {
  const fixed = stringSizes[format ?? '']
  if (fixed) return fixed.most
  if (format === 'byte') return positive(maxLength) ?? request - 2
  if (values?.length) return Math.max(...values.map((value) => String(value).length))
  // Characters are up to four bytes, and bytes are what is counted.
  return maxLength === undefined ? request - 2 : positive(maxLength)! * 4
}

const positive = (value: number | undefined) => (value === undefined ? undefined : Math.max(0, value))

/** Bytes of JSON that a value of the schema takes at least. */
export function smallestSize(schema: CelSchema, required: readonly { name: string; declared: Declaration }[]): number {
  switch (schema.type) {
    case 'boolean':
      return 4
    case 'integer':
    case 'number':
      return 1
    case 'string':
      return stringSizes[schema.format ?? '']?.least ?? 2
    case 'object':
      return required.reduce((sum, { name, declared }) => sum + name.length + 4 + declared.smallest, 2)
    default:
      return 2
  }
}
