/**
 * Go's decoder takes 10,000 levels. Everything here that walks a value does so by recursion, which the stack of a thread
 * bears for some thousands; nothing that people write has a hundred.
 */
const deepest = 1000

const quote = 0x22
const backslash = 0x5c

/** Whether lists and objects of a JSON text lie in one another too deeply to be walked. Anything may be wrong with the text. */
export function isTooDeep(text: string): boolean {
  // Almost every body is too short for it, and costs nothing.
  if (text.length <= deepest) return false
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at)
    // [ and { differ in one bit, as ] and } do.
    else if ((code & 0xdf) === 0x5b) {
      if (++depth > deepest) return true
    } else if ((code & 0xdf) === 0x5d) depth--
  }
  return false
}

/** Where the string that starts here ends; the last place of the text when it does not. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return at
  }
  return text.length
}
