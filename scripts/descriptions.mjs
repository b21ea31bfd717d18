// usage: node scripts/descriptions.mjs [OUT]: a build step. Takes the documentation of types and fields out of the typed
// client's declarations, for `kubectl explain` and the editor. The client's generator drops what stood beside a
// reference, so the fields it leaves bare are taken from kubernetes-types (an older API, but it has them).
// OUT defaults to out/descriptions.json.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const models = join(root, 'node_modules/@kubernetes/client-node/dist/gen/models')
const table = join(root, 'electron/cluster/schema/data/types.tsv')

/** `core.v1.Event` → the first of CoreV1Event and V1Event that the client has. */
function classOf(type) {
  if (type === 'version.Info') return 'VersionInfo'
  const [group, version, name] = type.split('.')
  const capital = (word) => word[0].toUpperCase() + word.slice(1)
  const candidates = [`${capital(group)}${capital(version)}${name}`, `${capital(version)}${name}`]
  return candidates.find((candidate) => existsSync(join(models, `${candidate}.d.ts`)))
}

const clean = (comment) =>
  comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
    .replace(/\\(['"])/g, '$1')
    .replaceAll('*_/', '*/')

// Names that are no identifiers, as the generator escapes them.
const jsonName = (field) =>
  field === '_default'
    ? 'default'
    : field === '_continue'
      ? 'continue'
      : field.replace(/^x_kubernetes_.*/, (name) => name.replaceAll('_', '-'))

/** The description of a class under '', those of its fields under their names. */
function readClass(name) {
  const text = readFileSync(join(models, `${name}.d.ts`), 'utf8')
  const at = text.indexOf('export declare class')
  const head = text.slice(0, at)
  const of = {}
  const comment = /\/\*\*\n((?:(?!\*\/)[\s\S])*)\*\/\s*$/.exec(head)
  if (comment) of[''] = clean(comment[1])
  const end = text.indexOf('static readonly', at)
  const body = text.slice(at, end < 0 ? undefined : end)
  for (const [, doc, field] of body.matchAll(/\/\*\*\n((?:(?!\*\/)[\s\S])*?)\*\/\s*'([^']+)'\??:/g))
    of[jsonName(field)] = clean(doc)
  return of
}

/** Likewise from kubernetes-types, for all types of one of its modules. */
function readModule(file) {
  const types = {}
  if (!existsSync(file)) return types
  const text = readFileSync(file, 'utf8')
  for (const [, doc, name, body] of text.matchAll(
    /(?:\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\s*)?export (?:interface|type) (\w+)([\s\S]*?)(?=\nexport |\n\/\*\*|$)/g,
  )) {
    const of = (types[name] = doc ? { '': clean(doc) } : {})
    for (const [, fieldDoc, field] of body.matchAll(
      /\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\s*(?:readonly )?'?([\w$-]+)'?\??:/g,
    ))
      of[field] = clean(fieldDoc)
  }
  return types
}

export function descriptions() {
  const modules = new Map()
  const older = (type) => {
    const [group, version, name] = type.split('.')
    const file = join(root, 'node_modules/kubernetes-types', group, `${version}.d.ts`)
    if (!modules.has(file)) modules.set(file, readModule(file))
    return modules.get(file)[name] ?? {}
  }
  const result = {}
  for (const line of readFileSync(table, 'utf8').split('\n')) {
    if (!line || line.startsWith('\t')) continue
    const type = line.split('\t')[0]
    const name = classOf(type)
    if (name) result[type] = { ...older(type), ...readClass(name) }
  }
  result['api.resource.Quantity'] =
    readModule(join(root, 'node_modules/kubernetes-types/api/resource.d.ts')).Quantity ?? {}
  return result
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const out = process.argv[2] ?? join(root, 'out/descriptions.json')
  mkdirSync(dirname(out), { recursive: true })
  const all = descriptions()
  writeFileSync(out, JSON.stringify(all))
  console.log(`${Object.keys(all).length} types described in ${out}`)
}
