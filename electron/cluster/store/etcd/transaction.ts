import type { EtcdConnection } from './connection.ts'
import { equal, greater, modTarget, versionTarget, type Compare, type RequestOp } from './descriptor.ts'

export interface KeyWrite {
  key: string
  /** Undefined deletes. */
  atRest: Buffer | undefined
  /** The revision that etcd must have of the key; 0: none. Undefined: whatever is there. */
  expect?: number
}

export interface TransactionOutcome {
  /** etcd's revision after it. */
  revision: number
  /** The first key that is not as expected; then nothing has been written. */
  refused?: string
}

/** Writes all keys in one transaction, or none. */
export async function transaction(
  connection: EtcdConnection,
  writes: readonly KeyWrite[],
): Promise<TransactionOutcome> {
  const compare: Compare[] = []
  const success: RequestOp[] = []
  const failure: RequestOp[] = []
  for (const { key: name, atRest, expect } of writes) {
    const key = Buffer.from(name)
    if (expect !== undefined) compare.push({ result: equal, target: modTarget, key, mod_revision: expect })
    else if (!atRest) compare.push({ result: greater, target: versionTarget, key, version: 0 })
    success.push(atRest ? { request_put: { key, value: atRest } } : { request_delete_range: { key } })
    failure.push({ request_range: { key, keys_only: true } })
  }
  const { header, succeeded, responses } = await connection.txn({ compare, success, failure })
  if (succeeded) return { revision: header.revision }
  const at = writes.findIndex(({ expect, atRest }, i) => {
    const found = responses[i]?.response_range?.kvs[0]?.mod_revision ?? 0
    return expect === undefined ? !atRest && !found : found !== expect
  })
  return { revision: header.revision, refused: writes[Math.max(0, at)]!.key }
}
