/** What `echo` writes: `-n` without a newline, `-e` with escapes. */
export function echo(args: readonly string[]): string {
  let newline = true
  let escapes = false
  let at = 0
  for (; at < args.length && /^-[neE]+$/.test(args[at]!); at++) {
    if (args[at]!.includes('n')) newline = false
    if (args[at]!.includes('e')) escapes = true
    if (args[at]!.includes('E')) escapes = false
  }
  const text = args.slice(at).join(' ')
  if (!escapes) return newline ? `${text}\n` : text
  const { text: written, stopped } = unescape(text)
  return newline && !stopped ? `${written}\n` : written
}

const simple: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/** Backslash escapes; `\c` stops the output. */
export function unescape(text: string): { text: string; stopped: boolean } {
  const stop = /(?:^|[^\\])(?:\\\\)*\\c/.exec(text)
  const kept = stop ? text.slice(0, stop.index + stop[0].length - 2) : text
  const written = kept.replace(
    /\\(?:0([0-7]{1,3})|([1-7][0-7]{0,2})|x([\da-fA-F]{1,2})|([\s\S]))/g,
    (whole, zero?: string, octal?: string, hex?: string, letter?: string) => {
      if (zero !== undefined || octal !== undefined) return String.fromCharCode(Number.parseInt(zero ?? octal!, 8))
      if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
      return simple[letter!] ?? whole
    },
  )
  return { text: written, stopped: stop !== null }
}
