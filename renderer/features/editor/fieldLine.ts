import { isMap, isNode, isSeq, LineCounter, parseAllDocuments } from 'yaml'

/** `spec.containers[0].image`, `metadata.labels[app.kubernetes.io/name]`: as the server writes paths. */
export function parsePath(field: string): (string | number)[] {
  const path: (string | number)[] = []
  for (const [, name, bracket] of field.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)) {
    if (name !== undefined) path.push(name)
    else if (bracket !== undefined) path.push(/^\d+$/.test(bracket) ? Number(bracket) : bracket)
  }
  return path
}

/**
 * The line (from 1) of a field in the document that starts at or after `documentLine`; that of the nearest parent that
 * is written when the field itself is missing.
 */
export function lineOfField(text: string, field: string, documentLine: number): number {
  const counter = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: counter })
  if (!Array.isArray(documents)) return documentLine
  const lineAt = (offset: number): number => counter.linePos(offset).line
  const document =
    documents.findLast(
      (one) => isNode(one.contents) && one.contents.range && lineAt(one.contents.range[0]) <= documentLine,
    ) ?? documents.find((one) => isNode(one.contents))
  let node: unknown = document?.contents
  let line = documentLine
  for (const part of parsePath(field)) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isNode(key) ? key.toJSON() : key) === String(part))
      if (!pair) break
      if (isNode(pair.key) && pair.key.range) line = lineAt(pair.key.range[0])
      node = pair.value
    } else if (isSeq(node) && typeof part === 'number' && node.items[part] !== undefined) {
      node = node.items[part]
      if (isNode(node) && node.range) line = lineAt(node.range[0])
    } else break
  }
  return line
}
