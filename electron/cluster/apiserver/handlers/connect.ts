import type { KubeObject } from '#shared/kube/object.ts'
import { isTrue } from '../filters/request-info.ts'
import { admitMutating, admitValidating } from './admit.ts'
import type { Core, Operation } from './operation.ts'

const flags = ['stdin', 'stdout', 'stderr', 'tty']
const texts = ['container', 'path']
const lists = ['command', 'ports']

/**
 * Asks admission whether a stream may be opened. What it is about are the options in the query, such as PodExecOptions;
 * returns the query as admission has left them.
 */
export async function admitConnect(core: Core, op: Operation, query: URLSearchParams): Promise<URLSearchParams> {
  if (!core.admission.some(({ connects }) => connects)) return query
  const options = optionsOf(op.subresource!.kind, query)
  const before = JSON.stringify(options)
  const asked = { operation: 'CONNECT' as const, object: options, old: undefined }
  await admitMutating(core, op, asked)
  await admitValidating(core, op, asked)
  return JSON.stringify(options) === before ? query : withOptions(query, options as Record<string, unknown>)
}

function withOptions(query: URLSearchParams, options: Readonly<Record<string, unknown>>): URLSearchParams {
  const changed = new URLSearchParams(query)
  for (const name of [...flags, ...texts, ...lists]) {
    changed.delete(name)
    const value = options[name]
    for (const each of Array.isArray(value) ? value : [value])
      if (each !== undefined && each !== null) changed.append(name, String(each))
  }
  return changed
}

function optionsOf(kind: string, query: URLSearchParams): KubeObject {
  const options: KubeObject & Record<string, unknown> = { apiVersion: 'v1', kind }
  for (const name of flags) if (isTrue(query.get(name) ?? 'false')) options[name] = true
  for (const name of texts) if (query.get(name)) options[name] = query.get(name)
  if (query.has('command')) options['command'] = query.getAll('command')
  if (query.has('ports')) options['ports'] = query.getAll('ports').flatMap((ports) => ports.split(',').map(Number))
  return options
}
