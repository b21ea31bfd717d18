import { expect, it } from 'vitest'
import { findType, typeNamed, typeNames } from './table.ts'
import type { FieldType } from './api.ts'

it('describes a list with its merge key, patch strategies and protobuf number', () => {
  const volumes = typeNamed('io.k8s.api.core.v1.PodSpec').fields.get('volumes')!
  expect(volumes).toMatchObject({
    listType: 'map',
    listKeys: ['name'],
    patchStrategy: ['merge', 'retainKeys'],
    patchKey: 'name',
    number: [1],
  })
  expect(volumes.type).toMatchObject({ is: 'list', items: { is: 'object' } })
})

it('flattens inlined structs, and keeps the message they have in protobuf', () => {
  const volume = typeNamed('io.k8s.api.core.v1.Volume')
  expect(volume.fields.get('emptyDir')).toMatchObject({ number: [2, 2], pointer: true })
  expect(
    typeNamed('io.k8s.api.admissionregistration.v1.NamedRuleWithOperations').fields.get('apiGroups')!.number,
  ).toEqual([2, 2, 1])
})

it('knows atomic maps, enumerations, defaults and Go names', () => {
  const podSpec = typeNamed('io.k8s.api.core.v1.PodSpec').fields
  expect(podSpec.get('nodeSelector')!.mapType).toBe('atomic')
  expect(podSpec.get('restartPolicy')).toMatchObject({
    enum: ['Always', 'Never', 'OnFailure'],
    goType: 'RestartPolicy',
  })
  expect(typeNamed('io.k8s.api.core.v1.ContainerPort').fields.get('protocol')!.default).toBe('TCP')
  expect(typeNamed('io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector').mapType).toBe('atomic')
  expect(typeNamed('io.k8s.api.core.v1.Pod').fields.get('metadata')!.default).toEqual({})
})

it('resolves every type that a field names', () => {
  const named: string[] = []
  const visit = (type: FieldType): void => {
    if (type.is === 'object') named.push(type.type.name)
    else if (type.is === 'list') visit(type.items)
    else if (type.is === 'map') visit(type.values)
  }
  let fields = 0
  for (const name of typeNames())
    for (const field of typeNamed(name).fields.values()) {
      visit(field.type)
      fields++
    }
  expect(fields).toBeGreaterThan(2500)
  expect(named.filter((name) => !findType(name))).toEqual([])
})

it('gives no number twice within one message', () => {
  for (const name of typeNames()) {
    const numbers = [...typeNamed(name).fields.values()].flatMap((field) =>
      field.number ? [field.number.join('.')] : [],
    )
    expect([name, new Set(numbers).size]).toEqual([name, numbers.length])
  }
})

it('does not invent types', () => {
  expect(findType('io.k8s.api.core.v1.Nonsense')).toBeUndefined()
  expect(() => typeNamed('io.k8s.api.core.v1.Nonsense')).toThrow('has no type')
})
