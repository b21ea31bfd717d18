import type { FieldDef, FieldType, ScalarName, TypeDef } from '../api.ts'

/** How Go names types in its error messages, such as `v1.Container` or `map[string]string`. */
const scalarNames: Record<ScalarName, string> = {
  string: 'string',
  boolean: 'bool',
  int32: 'int32',
  int64: 'int64',
  double: 'float64',
  bytes: '[]uint8',
  quantity: 'resource.Quantity',
  // Read by hand-written code that reads these.
  'int-or-string': 'int32',
  time: 'string',
  'micro-time': 'string',
  duration: 'string',
  raw: 'runtime.RawExtension',
  fields: 'v1.FieldsV1',
  json: 'v1.JSON',
  'schema-or-boolean': 'v1.JSONSchemaPropsOrBool',
  'schema-or-list': 'v1.JSONSchemaPropsOrArray',
  'schema-or-strings': 'v1.JSONSchemaPropsOrStringArray',
}

/** `io.k8s.api.core.v1.Pod` → `v1.Pod`: the last part of Go's package path, and the name. */
export const goNameOf = (type: TypeDef): string => type.name.split('.').slice(-2).join('.')

/** The struct's bare name, `Pod`. */
export const structNameOf = (type: TypeDef): string => type.name.slice(type.name.lastIndexOf('.') + 1)

/** The Go type of a field, or of what lies in its list or map when `type` is a part of the field's type. */
export function goTypeOf(holder: TypeDef, field: FieldDef, type: FieldType): string {
  const version = goNameOf(holder).split('.')[0]!
  const named = field.goType && (/[.[]/.test(field.goType) ? field.goType : `${version}.${field.goType}`)
  return describe(type, named)
}

function describe(type: FieldType, named: string | undefined): string {
  switch (type.is) {
    case 'scalar':
      return named && type.scalar !== 'quantity' ? named : scalarNames[type.scalar]
    case 'object':
      return goNameOf(type.type)
    case 'list':
      return `[]${describe(type.items, named)}`
    case 'map': {
      // A map's own name, or what its keys are.
      if (named) return named
      const ofQuantities = type.values.is === 'scalar' && type.values.scalar === 'quantity'
      return ofQuantities ? 'v1.ResourceList' : `map[string]${describe(type.values, undefined)}`
    }
  }
}
