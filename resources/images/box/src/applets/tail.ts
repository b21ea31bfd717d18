import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { countOption, numberOf, options, type Applet } from '../applet.ts'
import { complain, out, readAll, reason } from '../io.ts'

const pollMs = 200

export const tail: Applet = async (args) => {
  const { has, value, rest } = options(countOption(args), 'n:c:fFqs:', { follow: 'f', lines: 'n', bytes: 'c' })
  const follow = has('f') || has('F')
  const open: { name: string; descriptor: number; position: number }[] = []
  let status = 0
  for (const name of rest.length ? rest : ['-']) {
    try {
      const descriptor = name === '-' ? 0 : openSync(name, 'r')
      if (rest.length > 1 && !has('q')) out(`==> ${name} <==\n`)
      const content = readAll(descriptor)
      out(last(content, value('n') ?? '10', value('c')))
      if (follow && name !== '-') open.push({ name, descriptor, position: content.length })
      else if (name !== '-') closeSync(descriptor)
    } catch (error) {
      complain(`tail: ${name}: ${reason(error)}`)
      status = 1
    }
  }
  const buffer = Buffer.alloc(65536)
  let shown = open.at(-1)
  while (open.length) {
    for (const file of open) {
      const size = fstatSync(file.descriptor).size
      if (size < file.position) {
        complain(`tail: ${file.name}: file truncated`)
        file.position = 0
      }
      for (let count = 1; count > 0;) {
        count = readSync(file.descriptor, buffer, 0, buffer.length, file.position)
        if (count > 0 && shown !== file) {
          out(`\n==> ${file.name} <==\n`)
          shown = file
        }
        out(buffer.subarray(0, count))
        file.position += count
      }
      if (has('F')) reopen(file)
    }
    await sleep(pollMs)
  }
  return status
}

/** With -F the name is followed, not the file: it may have been rotated. */
function reopen(file: { name: string; descriptor: number; position: number }): void {
  const now = statSync(file.name, { throwIfNoEntry: false })
  if (!now || now.ino === fstatSync(file.descriptor).ino) return
  closeSync(file.descriptor)
  file.descriptor = openSync(file.name, 'r')
  file.position = 0
}

function last(content: Buffer, lines: string, bytes: string | undefined): Buffer {
  const amount = numberOf(bytes ?? lines)
  const fromStart = (bytes ?? lines).startsWith('+')
  const count = Math.abs(amount)
  if (bytes !== undefined)
    return fromStart ? content.subarray(Math.max(0, count - 1)) : content.subarray(Math.max(0, content.length - count))
  if (fromStart) {
    let at = 0
    for (let line = 1; line < count && at >= 0; line++) at = content.indexOf(10, at) + 1 || content.length
    return content.subarray(at)
  }
  if (count === 0) return content.subarray(content.length)
  let at = content.at(-1) === 10 ? content.length - 1 : content.length
  for (let line = 0; line < count && at >= 0; line++) at = at === 0 ? -1 : content.lastIndexOf(10, at - 1)
  return content.subarray(at + 1)
}
