/** A message as protobuf.js describes one. */
export interface MessageDescriptor {
  fields: Record<string, FieldDescriptor>
  oneofs?: Record<string, { oneof: string[] }>
}

interface FieldDescriptor {
  type: string
  id: number
  rule?: 'repeated'
  /** Of a map: only strings are in use. */
  keyType?: 'string'
}

/** Reads fields as proto files have them: `bytes key = 1; repeated Event events = 11; map<string, string> labels = 6`. */
export const message = (spec: string, oneofs?: Record<string, { oneof: string[] }>): MessageDescriptor => ({
  fields: Object.fromEntries(spec.split(';').flatMap((line) => (line.trim() ? [field(line.trim())] : []))),
  ...(oneofs ? { oneofs } : {}),
})

function field(line: string): [string, FieldDescriptor] {
  const [, repeated, key, value, name, id] = /^(repeated )?(map<string, )?([\w.]+)>? (\w+) = (\d+)$/.exec(line) ?? []
  if (!value || !name) throw new Error(`"${line}" is not a field`)
  return [
    name,
    {
      type: value,
      id: Number(id),
      ...(repeated ? { rule: 'repeated' as const } : {}),
      ...(key ? { keyType: 'string' as const } : {}),
    },
  ]
}
