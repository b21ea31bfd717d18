/**
 * Bytes in JSON as Go's encoding/base64 reads them: the standard alphabet with padding, line breaks ignored, and an
 * error that names the byte. Returns the canonical text.
 */
export class Base64Error extends Error {
  override readonly name = 'Base64Error'
}

export function canonicalBase64(text: string): string {
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text))
    // What the last characters carry beyond the last byte is dropped, as decoding and encoding would.
    return text.endsWith('=') ? text.slice(0, -4) + Buffer.from(text.slice(-4), 'base64').toString('base64') : text
  check(text)
  return Buffer.from(text, 'base64').toString('base64')
}

const corrupt = (at: number): never => {
  throw new Base64Error(`illegal base64 data at input byte ${at}`)
}
const isBreak = (char: string | undefined): boolean => char === '\n' || char === '\r'
const isDigit = (char: string): boolean => /[A-Za-z0-9+/]/.test(char)

function check(text: string): void {
  let inGroup = 0
  let at = 0
  while (at < text.length) {
    const char = text[at++]!
    if (isBreak(char)) continue
    if (char === '=') {
      if (inGroup < 2) corrupt(at - 1)
      while (isBreak(text[at])) at++
      if (inGroup === 2) {
        if (at === text.length) corrupt(text.length)
        if (text[at] !== '=') corrupt(at - 1)
        at++
      }
      while (isBreak(text[at])) at++
      if (at < text.length) corrupt(at)
      return
    }
    if (!isDigit(char)) corrupt(at - 1)
    inGroup = (inGroup + 1) % 4
  }
  if (inGroup) corrupt(text.length - inGroup)
}
