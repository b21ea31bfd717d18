import { expect, it } from 'vitest'
import { accepted, plainFormat } from './media.ts'

const all = { hasProtobuf: true, hasTable: true }

it.each([
  [undefined, 'json', ''],
  ['*/*', 'json', ''],
  ['application/vnd.kubernetes.protobuf,application/json', 'protobuf', ''],
  ['application/json, application/vnd.kubernetes.protobuf', 'json', ''],
  ['application/json;q=0.5,application/vnd.kubernetes.protobuf;q=0.9', 'protobuf', ''],
  ['application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io, application/json', 'json', ''],
  [
    'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
    'protobuf',
    'PartialObjectMetadata',
  ],
  ['application/yaml', 'yaml', ''],
  ['application/json;q=0.5, application/yaml', 'yaml', ''],
  [
    'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json',
    'json',
    'Table',
  ],
  ['application/json;as=Table;v=v9;g=meta.k8s.io,application/json', 'json', ''],
  ['application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'json', 'PartialObjectMetadataList'],
])('takes the best of %s', (header, format, as) => {
  expect(accepted(header, all)).toMatchObject({ format, as })
})

it('says what there is when nothing of it is wanted', () => {
  expect(() => accepted('text/html', all)).toThrow(
    '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  )
  expect(() => accepted('application/json;as=Table;v=v9;g=meta.k8s.io', all)).toThrow(
    'only the following media types are accepted',
  )
})

it('gives no protobuf of a kind that has none, but of its metadata', () => {
  const custom = { ...all, hasProtobuf: false }
  const protobuf = 'application/vnd.kubernetes.protobuf'
  expect(accepted(`${protobuf},application/json`, custom)).toMatchObject({ format: 'json' })
  expect(accepted(`${protobuf};as=PartialObjectMetadata;v=v1;g=meta.k8s.io`, custom).format).toBe('protobuf')
  expect(() => accepted(protobuf, custom)).toThrow('only the following media types are accepted')
})

it('gives no table of what has no rows', () => {
  const table = 'application/json;as=Table;v=v1;g=meta.k8s.io'
  expect(() => accepted(table, { ...all, hasTable: false })).toThrow('only the following media types are accepted')
  expect(accepted(`${table},application/json`, { ...all, hasTable: false })).toMatchObject({ format: 'json', as: '' })
})

it.each([
  ['application/vnd.kubernetes.protobuf,application/json', 'protobuf'],
  ['application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json', 'json'],
  ['application/json;as=Table;v=v1;g=meta.k8s.io', 'json'],
  ['text/html', 'json'],
])('writes a failure for who asks for %s as %s', (header, format) => {
  expect(plainFormat(header)).toBe(format)
})
