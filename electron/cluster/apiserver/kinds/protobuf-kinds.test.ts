import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { apiVersionOf } from '#shared/kube/resources.ts'
import { decodeValue } from '../../schema/decode-json.ts'
import { decodeProtobuf, encodeProtobuf, hasProtobuf, openEnvelope } from '../../schema/protobuf.ts'
import { typeNamed } from '../../schema/table.ts'
import { kinds } from '../registry/index.ts'

const recorded = new URL('../../../../tests/conformance/recordings/kubernetes-1.36.jsonl', import.meta.url)

interface Shown {
  apiVersion?: string
  kind?: string
  items?: Shown[]
}

/** Every object that a real server answered with. */
function* objects(): Iterable<Shown> {
  for (const line of readFileSync(recorded, 'utf8').split('\n')) {
    if (!line) continue
    const { body } = (JSON.parse(line) as { response: { body?: Shown } }).response
    if (!body || typeof body !== 'object') continue
    if (!body.items) yield body
    else
      for (const item of body.items)
        yield { apiVersion: body.apiVersion!, kind: body.kind!.replace(/List$/, ''), ...item }
  }
}

it('every kind has a protobuf form, and so has its list', () => {
  const without = kinds.filter(({ type }) => !hasProtobuf(typeNamed(type)))
  expect(without.map(({ kind }) => kind)).toEqual([])
})

it('carries what a real server answered through protobuf and back', () => {
  const types = new Map(kinds.map((kind) => [`${apiVersionOf(kind)}/${kind.kind}`, kind.type]))
  const seen = new Set<string>()
  for (const shown of objects()) {
    const name = `${shown.apiVersion}/${shown.kind}`
    const type = types.has(name) ? typeNamed(types.get(name)!) : undefined
    if (!type) continue
    // Markers stand where values differ from run to run.
    const text = JSON.stringify(shown)
      .replaceAll('"<time>"', '"2026-01-02T03:04:05Z"')
      .replaceAll('"<nodePort>"', '30080')
    const { object } = decodeValue(type, JSON.parse(text))
    const { apiVersion, kind } = shown as { apiVersion: string; kind: string }
    const back = decodeProtobuf(type, openEnvelope(encodeProtobuf(type, object, { apiVersion, kind })))
    // What a claim template is goes without saying in protobuf.
    const { volumeClaimTemplates = [] } = (object.spec ?? {}) as { volumeClaimTemplates?: Shown[] }
    for (const template of volumeClaimTemplates) {
      delete template.kind
      delete template.apiVersion
    }
    expect(back.object).toEqual(object)
    seen.add(name)
  }
  expect(seen.size).toBeGreaterThan(50)
})
