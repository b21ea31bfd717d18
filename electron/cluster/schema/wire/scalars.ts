import { parseGoDuration } from '#shared/kube/duration.ts'
import type { ScalarName } from '../api.ts'
import type { ProtoWriter } from './writer.ts'

/** Writes a value under its tag. Null: the zero value of a type that is a message. */
export function writeScalar(scalar: ScalarName, number: number, value: unknown, writer: ProtoWriter): void {
  switch (scalar) {
    case 'boolean':
      writer.varint(value ? 1 : 0)
      return writer.tag(number, 0)
    case 'int32':
    case 'int64':
      writer.varint(typeof value === 'bigint' ? value : Number(value))
      return writer.tag(number, 0)
    case 'double':
      writer.double(Number(value))
      return writer.tag(number, 1)
    case 'string':
      // What no client has sent was not checked when it was written.
      writer.string(typeof value === 'string' ? value : String(value))
      return writer.tag(number, 2)
    case 'bytes':
      writer.bytes(Buffer.from(value as string, 'base64'))
      return writer.tag(number, 2)
    default: {
      const before = writer.length
      if (value !== null && value !== undefined) writeSpecial(scalar, value, writer)
      return writer.close(number, before)
    }
  }
}

/** The types that are something else in JSON than a message. */
function writeSpecial(scalar: ScalarName, value: unknown, writer: ProtoWriter): void {
  switch (scalar) {
    case 'quantity':
      writer.string(value as string)
      return writer.tag(1, 2)
    case 'int-or-string':
      return writeIntOrString(value as number | string, writer)
    case 'time':
    case 'micro-time':
      return writeTime(value as string, scalar === 'micro-time', writer)
    case 'duration':
      writer.varint(Math.round((parseGoDuration(value as string) ?? 0) * 1e6))
      return writer.tag(1, 0)
    default:
      writer.string(JSON.stringify(value))
      writer.tag(1, 2)
  }
}

function writeIntOrString(value: number | string, writer: ProtoWriter): void {
  const isString = typeof value === 'string'
  writer.string(isString ? value : '')
  writer.tag(3, 2)
  writer.varint(isString ? 0 : value)
  writer.tag(2, 0)
  writer.varint(isString ? 1 : 0)
  writer.tag(1, 0)
}

function writeTime(text: string, withMicros: boolean, writer: ProtoWriter): void {
  writer.varint(withMicros ? Number(text.slice(20, 26)) * 1000 : 0)
  writer.tag(2, 0)
  writer.varint(Date.parse(`${text.slice(0, 19)}Z`) / 1000)
  writer.tag(1, 0)
}
