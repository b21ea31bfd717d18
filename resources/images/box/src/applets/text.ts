import { closeSync, openSync } from 'node:fs'
import { countOption, numberOf, options, Usage, type Applet } from '../applet.ts'
import { chunks, complain, eachInput, lines, out, readAll, reason, write } from '../io.ts'

export const cat: Applet = (args) => {
  const { has, rest } = options(args, 'nAvetsu')
  let number = 0
  return eachInput('cat', rest, (descriptor) => {
    if (has('n')) for (const line of lines(descriptor)) out(`${String(++number).padStart(6)}\t${line}\n`)
    else for (const chunk of chunks(descriptor)) out(chunk)
  })
}

export const head: Applet = (args) => {
  const { has, value, rest } = options(countOption(args), 'n:c:q', { lines: 'n', bytes: 'c' })
  return eachInput('head', rest, (descriptor, name) => {
    if (rest.length > 1 && !has('q')) out(`==> ${name} <==\n`)
    if (value('c') !== undefined) {
      let left = numberOf(value('c'))
      for (const chunk of chunks(descriptor)) {
        out(chunk.subarray(0, left))
        left -= chunk.length
        if (left <= 0) return
      }
      return
    }
    const wanted = numberOf(value('n') ?? '10')
    if (wanted < 0) {
      const all = [...lines(descriptor)]
      all.slice(0, wanted).forEach((line) => out(`${line}\n`))
      return
    }
    let left = wanted
    if (left === 0) return
    for (const line of lines(descriptor)) {
      out(`${line}\n`)
      if (--left <= 0) return
    }
  })
}

export const wc: Applet = (args) => {
  const { has, rest } = options(args, 'lwcm', { lines: 'l', words: 'w', bytes: 'c', chars: 'm' })
  const shown = ['l', 'w', 'c', 'm'].filter(has)
  const columns = shown.length ? shown : ['l', 'w', 'c']
  const totals: Record<string, number> = { l: 0, w: 0, c: 0, m: 0 }
  const line = (counts: Record<string, number>, name: string) => {
    const numbers = columns
      .map((column) => String(counts[column]!))
      .map((text) => (columns.length > 1 || rest.length > 1 ? text.padStart(9) : text))
    out(`${numbers.join(' ')}${name === '-' ? '' : ` ${name}`}\n`)
  }
  const status = eachInput('wc', rest, (descriptor, name) => {
    const bytes = readAll(descriptor)
    const text = bytes.toString()
    const counts: Record<string, number> = {
      l: text.split('\n').length - 1,
      w: text.split(/\s+/).filter(Boolean).length,
      c: bytes.length,
      m: Array.from(text).length,
    }
    for (const key of Object.keys(totals)) totals[key]! += counts[key]!
    line(counts, name)
  })
  if (rest.length > 1) line(totals, 'total')
  return status
}

export const tee: Applet = (args) => {
  const { has, rest } = options(args, 'ai', { append: 'a' })
  let status = 0
  const targets = rest.flatMap((file) => {
    try {
      return [openSync(file, has('a') ? 'a' : 'w')]
    } catch (error) {
      complain(`tee: ${file}: ${reason(error)}`)
      status = 1
      return []
    }
  })
  for (const chunk of chunks(0)) {
    out(chunk)
    for (const target of targets) write(target, chunk)
  }
  targets.forEach((target) => closeSync(target))
  return status
}

export const uniq: Applet = (args) => {
  const { has, rest } = options(args, 'cdui')
  let last: string | undefined
  let count = 0
  const same = (a: string, b: string) => (has('i') ? a.toLowerCase() === b.toLowerCase() : a === b)
  const flush = () => {
    if (last === undefined || (has('d') && count < 2) || (has('u') && count > 1)) return
    out(has('c') ? `${String(count).padStart(7)} ${last}\n` : `${last}\n`)
  }
  const status = eachInput('uniq', rest.slice(0, 1), (descriptor) => {
    for (const line of lines(descriptor)) {
      if (last !== undefined && same(last, line)) count++
      else {
        flush()
        last = line
        count = 1
      }
    }
  })
  flush()
  return status
}

export const sort: Applet = (args) => {
  const { has, value, rest } = options(args, 'nrufhk:t:o:bV')
  const all: string[] = []
  const status = eachInput('sort', rest, (descriptor) => all.push(...lines(descriptor)))
  const [, field, flags = ''] = /^(\d+)(?:\.\d+)?(?:,\d+)?([nrfhV]*)/.exec(value('k') ?? '') ?? []
  const on = (flag: string) => has(flag) || flags.includes(flag)
  const separator = value('t')
  const key = (line: string): string => {
    if (field === undefined) return line
    const fields = separator === undefined ? line.trim().split(/\s+/) : line.split(separator)
    const end = /,(\d+)/.exec(value('k')!)?.[1]
    return fields.slice(Number(field) - 1, end === undefined ? undefined : Number(end)).join(separator ?? ' ')
  }
  const compareKeys = (a: string, b: string): number => {
    if (on('h')) return humanNumber(a) - humanNumber(b)
    if (on('n')) return (Number.parseFloat(a) || 0) - (Number.parseFloat(b) || 0)
    if (on('V')) return a.localeCompare(b, 'en', { numeric: true })
    return on('f') ? compareText(a.toLowerCase(), b.toLowerCase()) : compareText(a, b)
  }
  const sign = on('r') ? -1 : 1
  const compare = (a: string, b: string) => sign * (compareKeys(key(a), key(b)) || (has('u') ? 0 : compareText(a, b)))
  const sorted = all.sort(compare)
  const kept = has('u')
    ? sorted.filter((line, index) => index === 0 || compareKeys(key(sorted[index - 1]!), key(line)) !== 0)
    : sorted
  const text = kept.map((line) => `${line}\n`).join('')
  const file = value('o')
  if (file === undefined) out(text)
  else {
    const descriptor = openSync(file, 'w')
    write(descriptor, text)
    closeSync(descriptor)
  }
  return status
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function humanNumber(text: string): number {
  const [, number = '0', unit = ''] = /^\s*(-?[\d.]+)\s*([KMGTP]?)/i.exec(text) ?? []
  return Number(number) * 1024 ** (unit ? 'KMGTP'.indexOf(unit.toUpperCase()) + 1 : 0)
}

export const cut: Applet = (args) => {
  const { has, value, rest } = options(args, 'd:f:c:b:s')
  const list = value('f') ?? value('c') ?? value('b')
  if (list === undefined) throw new Usage('usage: cut -f LIST [-d DELIMITER] | -c LIST [FILE]…')
  const ranges = list.split(',').map((range) => {
    const [from, to] = range.split('-')
    return [Number(from || 1), range.includes('-') ? Number(to || Infinity) : Number(from)] as const
  })
  const wanted = (_: string, index: number) => ranges.some(([from, to]) => index + 1 >= from && index + 1 <= to)
  const delimiter = value('d') ?? '\t'
  return eachInput('cut', rest, (descriptor) => {
    for (const line of lines(descriptor)) {
      if (value('f') === undefined) out(`${Array.from(line).filter(wanted).join('')}\n`)
      else if (line.includes(delimiter)) out(`${line.split(delimiter).filter(wanted).join(delimiter)}\n`)
      else if (!has('s')) out(`${line}\n`)
    }
  })
}

export const tr: Applet = (args) => {
  const { has, rest } = options(args, 'dscC')
  const [from, to] = [characters(rest[0] ?? ''), characters(rest[1] ?? '')]
  const complement = has('c') || has('C')
  const inFrom = (c: string) => from.includes(c) !== complement
  const squeezed = new Set(rest[1] === undefined ? from : to)
  let last = ''
  const text = readAll(0).toString()
  let written = ''
  for (const c of text) {
    if (has('d') && inFrom(c)) continue
    const mapped =
      has('d') || rest[1] === undefined || !inFrom(c)
        ? c
        : complement
          ? to.at(-1)!
          : (to[from.indexOf(c)] ?? to.at(-1) ?? c)
    if (has('s') && mapped === last && (squeezed.has(mapped) || (rest[1] === undefined && complement && inFrom(c))))
      continue
    written += mapped
    last = mapped
  }
  out(written)
  return 0
}

const sets: Readonly<Record<string, string>> = {
  upper: 'A-Z',
  lower: 'a-z',
  digit: '0-9',
  alpha: 'A-Za-z',
  alnum: 'A-Za-z0-9',
  space: ' \\t\\n\\r\\f\\v',
  blank: ' \\t',
  punct: '!-/:-@\\[-`{-~',
}

function characters(text: string): string[] {
  const plain = text
    .replace(/\[:(\w+):\]/g, (_, name: string) => sets[name] ?? '')
    .replace(
      /\\([\\ntrfv0]|\[)/g,
      (_, c: string) => ({ n: '\n', t: '\t', r: '\r', f: '\f', v: '\v', '0': '\0' })[c] ?? c,
    )
  const found: string[] = []
  for (let at = 0; at < plain.length; at++) {
    const end = plain[at + 2]
    if (plain[at + 1] !== '-' || end === undefined) {
      found.push(plain[at]!)
      continue
    }
    for (let code = plain.charCodeAt(at); code <= end.charCodeAt(0); code++) found.push(String.fromCharCode(code))
    at += 2
  }
  return found
}

export const seq: Applet = (args) => {
  const [first, second, third] = args.map((text) => numberOf(text))
  if (first === undefined) throw new Usage('usage: seq [FIRST [STEP]] LAST')
  const from = second === undefined ? 1 : first
  const step = third === undefined ? 1 : second!
  const to = third ?? second ?? first
  const decimals = Math.max(...args.map((text) => text.split('.')[1]?.length ?? 0))
  if (step === 0) throw new Usage('STEP must not be 0')
  for (let index = 0, value = from; step > 0 ? value <= to : value >= to; value = from + ++index * step)
    out(`${value.toFixed(decimals)}\n`)
  return 0
}

export const yes: Applet = (args) => {
  const line = `${args.join(' ') || 'y'}\n`
  const block = line.repeat(Math.ceil(8192 / line.length))
  for (;;) out(block)
}
