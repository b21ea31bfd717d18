import { createHash, type Hash } from 'node:crypto'

const shapes = { sha256: /^[0-9a-f]{64}$/, sha512: /^[0-9a-f]{128}$/ }

/** `sha256:<hex>` or `sha512:<hex>`: what may become the name of a file. */
export function isDigest(text: unknown): text is string {
  if (typeof text !== 'string') return false
  const [algorithm = '', hex = ''] = text.split(':')
  return algorithm in shapes && shapes[algorithm as keyof typeof shapes].test(hex) && text === `${algorithm}:${hex}`
}

export const hashFor = (digest: string): Hash => createHash(digest.split(':')[0]!)

export const digestOf = (bytes: Uint8Array, like = 'sha256:'): string => {
  const algorithm = like.split(':')[0]!
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

/**
 * Names a stack of layers by what is in it. Source: the chain id of the OCI image specification.
 * Takes the digests of the layers' uncompressed content, the lowest first; answers the chain id of each height.
 */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = []
  for (const diffId of diffIds) {
    const below = chain.at(-1)
    chain.push(below === undefined ? diffId : digestOf(Buffer.from(`${below} ${diffId}`)))
  }
  return chain
}
