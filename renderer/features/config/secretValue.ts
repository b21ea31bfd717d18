export interface DecodedValue {
  /** The text, or undefined when it is none. */
  text: string | undefined
  bytes: number
}

/** A Secret's value out of base64. What is not UTF-8 is not shown as if it were. */
export function decodeValue(base64: string): DecodedValue {
  let binary: string
  try {
    binary = atob(base64)
  } catch {
    return { text: undefined, bytes: 0 }
  }
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0))
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return { text: text.includes('\0') ? undefined : text, bytes: bytes.length }
  } catch {
    return { text: undefined, bytes: bytes.length }
  }
}
