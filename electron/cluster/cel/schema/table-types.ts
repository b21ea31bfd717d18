import type { FieldType, TypeDef } from '../../schema/api.ts'
import {
  bool,
  bytes,
  double,
  dyn,
  int,
  list,
  map,
  string,
  timestamp,
  type CelType,
  type ObjectType,
} from '../types/types.ts'
import { escapeProperty } from './escape.ts'

const known = new WeakMap<TypeDef, ObjectType>()

/** The type of a built-in kind as its OpenAPI schema makes it, for type checking. Fields are looked at when they are asked for. */
export function typeOfTable(type: TypeDef): ObjectType {
  let made = known.get(type)
  if (!made) {
    let fields: ReadonlyMap<string, CelType> | undefined
    made = {
      kind: 'object',
      name: type.name,
      field: (name) => (fields ??= fieldsOf(type)).get(name),
    }
    known.set(type, made)
  }
  return made
}

const fieldsOf = (type: TypeDef): ReadonlyMap<string, CelType> =>
  new Map(
    [...type.fields.values()].flatMap((field) => {
      const name = escapeProperty(field.name)
      return name === undefined ? [] : [[name, celType(field.type)] as const]
    }),
  )

function celType(type: FieldType): CelType {
  switch (type.is) {
    case 'object':
      return typeOfTable(type.type)
    case 'list':
      return list(celType(type.items))
    case 'map':
      return map(string, celType(type.values))
    case 'scalar':
      return scalars[type.scalar] ?? dyn
  }
}

const scalars: Readonly<Record<string, CelType>> = {
  string,
  boolean: bool,
  int32: int,
  int64: int,
  double,
  bytes,
  quantity: string,
  duration: string,
  time: timestamp,
  'micro-time': timestamp,
}
