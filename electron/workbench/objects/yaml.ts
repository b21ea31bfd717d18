import { isMap, LineCounter, parseAllDocuments, stringify, type Tags } from 'yaml'
import type { KubeObject } from '#shared/kube/object.ts'
import { Failure } from '../failure.ts'

export interface YamlDocument {
  object: KubeObject
  /** Line at which the document starts, 1-based. */
  line: number
}

const timestamp = 'tag:yaml.org,2002:timestamp'

/**
 * YAML as kubectl reads it (sigs.k8s.io/yaml): that of 1.1, where `0644` is octal and `on` is true, but without its
 * numbers in base 60 and its dates, and with the `0o644` of 1.2. Written alike, so that a text `on` gets its quotes.
 */
const dialect = {
  version: '1.1',
  customTags: (tags: Tags) => [
    ...tags.filter(
      (tag) => typeof tag === 'string' || (tag.tag !== timestamp && !('format' in tag && tag.format === 'TIME')),
    ),
    'intOct' as const,
  ],
} as const

const nothingSent = 'Correct the YAML; nothing was sent.'

/** Documents of a text; empty ones are left out, lists are opened. Throws Failure naming the line. */
export function readDocuments(text: string): YamlDocument[] {
  const lines = new LineCounter()
  const found: YamlDocument[] = []
  for (const document of parseAllDocuments(text, { ...dialect, lineCounter: lines })) {
    const [error] = document.errors
    if (error) {
      const { line, col } = lines.linePos(error.pos[0])
      throw new Failure(
        'BadYaml',
        `Line ${line}, column ${col}: ${error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '')}`,
        nothingSent,
      )
    }
    const { contents } = document
    const { line } = lines.linePos(contents?.range?.[0] ?? 0)
    let value: unknown
    try {
      // Aliases of aliases could make a line of text fill the memory.
      value = document.toJS({ maxAliasCount: 1000 })
    } catch {
      throw new Failure('BadYaml', `Line ${line}: too many aliases.`, 'Write the values out.')
    }
    if (value === null || value === undefined) continue
    if (!isMap(contents))
      throw new Failure('BadYaml', `Line ${line}: a document is an object with apiVersion and kind.`, nothingSent)
    const { kind, items } = value as { kind?: unknown; items?: unknown }
    const list = typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)
    for (const object of list ? items : [value]) found.push({ object: checked(object, line), line })
  }
  return found
}

function checked(object: unknown, line: number): KubeObject {
  if (typeof object !== 'object' || object === null || Array.isArray(object))
    throw new Failure('BadYaml', `Line ${line}: an item of the list is not an object.`, nothingSent)
  for (const field of ['apiVersion', 'kind'] as const) {
    const value = (object as Record<string, unknown>)[field]
    if (value === undefined || value === null || value === '')
      throw new Failure('BadYaml', `Line ${line}: ${field} is missing.`, `Add ${field}; nothing was sent.`)
    if (typeof value !== 'string') throw new Failure('BadYaml', `Line ${line}: ${field} is not a text.`, nothingSent)
  }
  const { metadata } = object as { metadata?: unknown }
  if (metadata !== undefined && metadata !== null && (typeof metadata !== 'object' || Array.isArray(metadata)))
    throw new Failure('BadYaml', `Line ${line}: metadata is not an object.`, nothingSent)
  return object as KubeObject
}

/** Any value as people edit it. */
export const writeValue = (value: unknown): string =>
  stringify(value, { ...dialect, lineWidth: 0, aliasDuplicateObjects: false })

/** An object as people edit it: managedFields folded away, keys in the customary order. */
export function writeYaml(object: KubeObject): string {
  const { apiVersion, kind, metadata, ...rest } = object as KubeObject & Record<string, unknown>
  const { managedFields: _folded, ...shown } = metadata ?? {}
  return writeValue({ apiVersion, kind, metadata: shown, ...rest })
}
