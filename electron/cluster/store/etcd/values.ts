/**
 * How values lie in etcd, where other programs read them. In memory they are what clients are sent; at rest they do not
 * hold their own revision, which etcd keeps.
 */
export interface ValuesAtRest {
  encode(key: string, value: Buffer): Buffer
  /** Throws when the bytes are nothing that could have been encoded. */
  decode(key: string, bytes: Buffer, revision: number): Buffer
  /** The value as of another revision. */
  restamp(key: string, value: Buffer, revision: number): Buffer
  /** Where values are that say how others are kept. Absent: nowhere. */
  readonly explaining?: {
    readonly prefix: string
    /** Called with each of them before what was written later is decoded, and with all that are there before anything else is. */
    explain(value: Buffer): void
  }
}

/** Any bytes, as they are. */
export const plainValues: ValuesAtRest = {
  encode: (_, value) => value,
  decode: (_, bytes) => bytes,
  restamp: (_, value) => value,
}
