/**
 * What Go's encoding/json says of a text that is no JSON. Called only after JSON.parse has refused the text, so speed
 * does not matter here, but the wording does: it reaches the client.
 */
export function goSyntaxError(text: string): string {
  try {
    const scanner = new Scanner(text)
    scanner.value()
    scanner.blanks()
    if (!scanner.done) scanner.fail('after top-level value')
  } catch (error) {
    if (error instanceof SyntaxFailure) return error.message
    throw error
  }
  return 'invalid character'
}

class SyntaxFailure extends Error {}

class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get done(): boolean {
    return this.#at >= this.#text.length
  }

  #char(): string {
    if (this.done) throw new SyntaxFailure('unexpected end of JSON input')
    return this.#text[this.#at]!
  }

  fail(context: string): never {
    throw new SyntaxFailure(`invalid character '${shownByte(this.#text, this.#at)}' ${context}`)
  }

  blanks(): void {
    while (!this.done && ' \t\r\n'.includes(this.#text[this.#at]!)) this.#at++
  }

  value(): void {
    this.blanks()
    const char = this.#char()
    if (char === '{') this.#object()
    else if (char === '[') this.#array()
    else if (char === '"') this.#string()
    else if (char === '-' || (char >= '0' && char <= '9')) this.#number()
    else if (char === 't') this.#literal('true')
    else if (char === 'f') this.#literal('false')
    else if (char === 'n') this.#literal('null')
    else this.fail('looking for beginning of value')
  }

  #object(): void {
    this.#at++
    this.blanks()
    if (this.#char() === '}') return void this.#at++
    for (;;) {
      this.blanks()
      if (this.#char() !== '"') this.fail('looking for beginning of object key string')
      this.#string()
      this.blanks()
      if (this.#char() !== ':') this.fail('after object key')
      this.#at++
      this.value()
      this.blanks()
      const char = this.#char()
      if (char !== ',' && char !== '}') this.fail('after object key:value pair')
      this.#at++
      if (char === '}') return
    }
  }

  #array(): void {
    this.#at++
    this.blanks()
    if (this.#char() === ']') return void this.#at++
    for (;;) {
      this.value()
      this.blanks()
      const char = this.#char()
      if (char !== ',' && char !== ']') this.fail('after array element')
      this.#at++
      if (char === ']') return
    }
  }

  #string(): void {
    this.#at++
    for (; this.#char() !== '"'; this.#at++) {
      if (this.#char() < ' ') this.fail('in string literal')
      if (this.#char() !== '\\') continue
      this.#at++
      if (this.#char() === 'u') {
        for (let i = 0; i < 4; i++) {
          this.#at++
          if (!/[0-9a-fA-F]/.test(this.#char())) this.fail('in \\u hexadecimal character escape')
        }
      } else if (!'"\\/bfnrt'.includes(this.#char())) this.fail('in string escape code')
    }
    this.#at++
  }

  #number(): void {
    if (this.#char() === '-') this.#at++
    if (this.#char() === '0') this.#at++
    else this.#digits('in numeric literal')
    if (!this.done && this.#char() === '.') {
      this.#at++
      this.#digits('after decimal point in numeric literal')
    }
    if (!this.done && (this.#char() === 'e' || this.#char() === 'E')) {
      this.#at++
      if (this.#char() === '+' || this.#char() === '-') this.#at++
      this.#digits('in exponent of numeric literal')
    }
  }

  #digits(context: string): void {
    if (this.#char() < '0' || this.#char() > '9') this.fail(context)
    while (!this.done && this.#char() >= '0' && this.#char() <= '9') this.#at++
  }

  #literal(word: string): void {
    for (const expected of word) {
      if (this.#char() !== expected) this.fail(`in literal ${word} (expecting '${expected}')`)
      this.#at++
    }
  }
}

const escapes: Record<number, string> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
  39: "\\'",
  92: '\\\\',
}

/** Go looks at bytes: of a character outside ASCII it shows the first byte, read as a code point. */
function shownByte(text: string, at: number): string {
  const byte = Buffer.from(String.fromCodePoint(text.codePointAt(at)!))[0]!
  const escape = escapes[byte]
  if (escape) return escape
  if (byte < 0x20 || byte === 0x7f) return `\\x${byte.toString(16).padStart(2, '0')}`
  if (byte > 0x7f && byte < 0xa1) return `\\u00${byte.toString(16)}`
  return String.fromCharCode(byte)
}
