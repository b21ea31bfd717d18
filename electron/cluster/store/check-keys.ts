import { maxKeyBytes, maxWrites, type Write } from './api.ts'

/** Throws TypeError where a call breaks the contract, whatever the state is. */
export function checkKeys(writes: readonly Write[]): void {
  if (writes.length > maxWrites) throw new TypeError(`one call may write ${maxWrites} keys, not ${writes.length}`)
  const keys = new Set<string>()
  for (const { key } of writes) {
    if (keys.size === keys.add(key).size) throw new TypeError(`${key} is written twice in one call`)
    if (!key || (key.length * 3 > maxKeyBytes && Buffer.byteLength(key) > maxKeyBytes)) {
      throw new TypeError(`a key must have 1 to ${maxKeyBytes} bytes, this one has ${Buffer.byteLength(key)}`)
    }
  }
}
