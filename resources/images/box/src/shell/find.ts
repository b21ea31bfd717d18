import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'

/**
 * Set where containers are not isolated: the tools of this file. There the host's own programs are not for pods, so
 * names mean tools of the image and nothing else.
 */
export const box = process.env['WHEELHOUSE_BOX'] || undefined

const toolDirectory = /^(\/usr)?\/s?bin\//

export interface Program {
  path: string
  /** How to start it. */
  argv: readonly string[]
}

export function findProgram(name: string, searchPath: string, tools: ReadonlySet<string>): Program | undefined {
  if (box !== undefined) return findTool(name, tools)
  if (name.includes('/')) return statSync(name, { throwIfNoEntry: false }) ? { path: name, argv: [name] } : undefined
  for (const directory of searchPath.split(':')) {
    const file = path.join(directory || '.', name)
    if (isExecutable(file)) return { path: file, argv: [file] }
  }
  return undefined
}

function findTool(name: string, tools: ReadonlySet<string>): Program | undefined {
  const tool = name.replace(toolDirectory, '')
  if (tool === 'node') return { path: '/usr/bin/node', argv: [process.execPath] }
  if (tools.has(tool)) return { path: `/usr/bin/${tool}`, argv: [process.execPath, box!, tool] }
  const script = name.includes('/') && statSync(name, { throwIfNoEntry: false })?.isFile()
  return script ? { path: name, argv: [process.execPath, box!, 'sh', name] } : undefined
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
