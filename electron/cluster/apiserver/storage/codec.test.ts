import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { encodeBare, encodeStored, endOfMetadata, metadataIn } from './codec.ts'

const labelled = (value: string): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', labels: { x: value } },
    data: { k: '}' },
  }) as KubeObject

it.each(['plain', '}', '"}', '\\\\"}', '€ ünïcode', '\\'])('knows where the metadata ends that holds %s', (text) => {
  const { value, metadataEnd } = encodeStored(labelled(text), 7)
  expect(JSON.parse(metadataIn(value, metadataEnd).toString())).toEqual({
    name: 'a',
    labels: { x: text },
    resourceVersion: '7',
  })
  expect(endOfMetadata(value)).toBe(metadataEnd)
  expect(JSON.parse(value.toString())).toEqual({
    metadata: { name: 'a', labels: { x: text }, resourceVersion: '7' },
    data: { k: '}' },
  })
})

it('writes an object that is nothing but metadata', () => {
  const { value, metadataEnd } = encodeBare({ metadata: { name: 'a' } } as KubeObject)
  expect(value.toString()).toBe('{"metadata":{"name":"a"}}')
  expect(endOfMetadata(value)).toBe(metadataEnd)
})
