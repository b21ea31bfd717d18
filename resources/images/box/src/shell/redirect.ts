import { reason } from '../io.ts'
import { openFor, type Descriptor, type Descriptors } from './descriptors.ts'
import { expandString, type Expander } from './expand.ts'
import type { Redirection } from './syntax.ts'

/** Changes the table of descriptors as redirections say; what it opens is put into `opened`, for the caller to close. */
export async function redirect(
  redirections: readonly Redirection[],
  descriptors: Descriptors,
  shell: Expander,
  opened: number[],
): Promise<void> {
  const existing = (text: string): Descriptor => {
    const descriptor = descriptors.get(Number(text))
    if (descriptor === undefined) throw new Error(`${text}: Bad file descriptor`)
    return descriptor
  }
  for (const { descriptor, operator, target } of redirections) {
    const text = await expandString(target, shell)
    if (operator === '<<') descriptors.set(descriptor, { bytes: Buffer.from(text) })
    else if (operator === '<&' || operator === '>&')
      descriptors.set(descriptor, text === '-' ? undefined : existing(text))
    else {
      const own = ownDescriptor(text)
      const file = own === undefined ? open(operator, text) : undefined
      if (file !== undefined) opened.push(file)
      descriptors.set(descriptor, own === undefined ? file : existing(own))
    }
  }
}

function open(operator: '<' | '>' | '>>' | '<>', file: string): number {
  try {
    return openFor(operator, file)
  } catch (error) {
    throw new Error(`can't ${operator === '<' ? 'open' : 'create'} ${file}: ${reason(error)}`, { cause: error })
  }
}

/** `/dev/stdout` and its like mean the shell's own descriptors, which redirections may have changed. */
function ownDescriptor(file: string): string | undefined {
  const names: Readonly<Record<string, string>> = { '/dev/stdin': '0', '/dev/stdout': '1', '/dev/stderr': '2' }
  return names[file] ?? /^\/dev\/fd\/(\d+)$/.exec(file)?.[1]
}
