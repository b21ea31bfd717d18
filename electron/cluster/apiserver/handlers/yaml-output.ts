/**
 * YAML as sigs.k8s.io/yaml writes it: block style, keys in natural order, lists not indented, quotes only where a
 * reader of YAML 1.1 would take the text for something else. Source: go-yaml v2, resolve.go and emitterc.go.
 */
export function toYaml(value: unknown): string {
  const lines: string[] = []
  write(lines, value, '', '')
  return `${lines.join('\n')}\n`
}

/** `lead` is what stands before the value on its first line, `indent` what stands before its further lines. */
function write(lines: string[], value: unknown, lead: string, indent: string): void {
  if (Array.isArray(value) && value.length) {
    for (const [i, item] of value.entries()) write(lines, item, `${i === 0 ? lead : indent}- `, `${indent}  `)
    return
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
    const keys = Object.keys(value)
      .filter((key) => (value as Record<string, unknown>)[key] !== undefined)
      .sort(byNature)
    for (const [i, key] of keys.entries())
      writeEntry(lines, key, (value as Record<string, unknown>)[key], i === 0 ? lead : indent, indent)
    if (keys.length) return
  }
  lines.push(lead + scalar(value, indent))
}

function writeEntry(lines: string[], key: string, value: unknown, lead: string, indent: string): void {
  const name = `${lead}${text(key)}:`
  const nested = value !== null && typeof value === 'object' && Object.keys(value).length > 0
  if (!nested) return void lines.push(`${name} ${scalar(value, `${indent}  `)}`)
  lines.push(name)
  const inner = Array.isArray(value) ? indent : `${indent}  `
  write(lines, value, inner, inner)
}

function scalar(value: unknown, indent: string): string {
  if (typeof value === 'string')
    return value.includes('\n') && allowed(value).block ? literal(value, indent) : text(value)
  if (Array.isArray(value)) return '[]'
  return value === null || typeof value !== 'object' ? String(value ?? null) : '{}'
}

function literal(value: string, indent: string): string {
  const hint = /^[ \n]/.test(value) ? '2' : ''
  const chomp = !value.endsWith('\n') ? '-' : value.endsWith('\n\n') || value === '\n' ? '+' : ''
  const body = value.replace(/\n$/, '').split('\n')
  return [`|${hint}${chomp}`, ...body.map((line) => (line ? indent + line : ''))].join('\n')
}

function text(value: string): string {
  if (readsAsOther(value)) return double(value)
  const { plain, single } = allowed(value)
  if (plain) return value
  return single ? `'${value.replaceAll("'", "''")}'` : double(value)
}

const words = new Set(['', '~', '<<'])
for (const word of ['y', 'yes', 'true', 'on', 'n', 'no', 'false', 'off', 'null', '.nan', '.inf', '+.inf', '-.inf']) {
  words
    .add(word)
    .add(word.toUpperCase())
    .add(word.replace(/[a-z]/, (first) => first.toUpperCase()))
}
words.add('.NaN')
const integer = /^[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9]\d*)$/
const float = /^[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?$/
const base60 = /^[-+]?\d[\d_]*(:[0-5]?\d)+(\.[\d_]*)?$/
const date = /^\d{4}-\d{1,2}-\d{1,2}([Tt\s].*)?$/

/** Whether unquoted it would be a number, a boolean, a date or nothing. */
function readsAsOther(value: string): boolean {
  if (words.has(value)) return true
  if (!/^[-+.\d]/.test(value)) return false
  const digits = value.replaceAll('_', '')
  return integer.test(digits) || float.test(digits) || base60.test(value) || date.test(value)
}

const special = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\ufeff\ud800-\udfff]/

/** Which styles can carry the text. */
function allowed(value: string): { plain: boolean; single: boolean; block: boolean } {
  const hard = special.test(value.replace(/[\ud800-\udbff][\udc00-\udfff]/g, '')) || / \n/.test(value)
  const indicator =
    /^[#,[\]{}&*!|>'"%@`]/.test(value) ||
    /^[?:](\s|$)/.test(value) ||
    /^-(\s|$)/.test(value) ||
    /^(---|\.\.\.)/.test(value) ||
    /:(\s|$)/.test(value) ||
    /\s#/.test(value)
  return {
    plain: !hard && !indicator && !/^[ \n]|[ \n]$|\n/.test(value),
    single: !hard && !value.includes('\n'),
    block: !hard && !value.endsWith(' '),
  }
}

const escapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\0': '\\0',
  '\x07': '\\a',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\x1b': '\\e',
  '\x85': '\\N',
  '\ufeff': '\\uFEFF',
}

function double(value: string): string {
  let quoted = ''
  for (const character of value) {
    const code = character.codePointAt(0)!
    if (escapes[character]) quoted += escapes[character]
    else if (code < 0x20 || (code >= 0x7f && code < 0xa0))
      quoted += `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`
    else quoted += character
  }
  return `"${quoted}"`
}

const isLetter = (character: string): boolean => /\p{L}/u.test(character)
const isDigit = (character: string | undefined): boolean =>
  character !== undefined && character >= '0' && character <= '9'

/** Letters after everything else, numbers by their value. Source: go-yaml's keyList.Less. */
function byNature(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)]
  for (let i = 0; i < left.length && i < right.length; i++) {
    const [x, y] = [left[i]!, right[i]!]
    if (x === y) continue
    const [xLetter, yLetter] = [isLetter(x), isLetter(y)]
    if (xLetter && yLetter) return x < y ? -1 : 1
    if (xLetter || yLetter) return yLetter ? -1 : 1
    return byNumber(left, right, i)
  }
  return left.length - right.length
}

function byNumber(left: readonly string[], right: readonly string[], at: number): number {
  let start = 0
  if (left[at] === '0' || right[at] === '0') {
    for (let i = at - 1; i >= 0 && isDigit(left[i]); i--) if (left[i] !== '0') start = 1
  }
  const read = (characters: readonly string[]) => {
    let end = at
    let number = start
    for (; isDigit(characters[end]); end++) number = number * 10 + Number(characters[end])
    return { end, number }
  }
  const [x, y] = [read(left), read(right)]
  return x.number - y.number || x.end - y.end || (left[at]! < right[at]! ? -1 : 1)
}
