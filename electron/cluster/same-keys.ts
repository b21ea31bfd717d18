import { existsSync, readFileSync } from 'node:fs'
import type { DataDirectory } from './data-directory.ts'
import { ClusterFailure } from './failure.ts'
import type { Store } from './store/api.ts'

/** Where a cluster publishes the certificates of its authorities. */
const published = '/registry/configmaps/kube-system/extension-apiserver-authentication'

/** Where each authority is published, and where it lies. */
const authorities = [
  ['client-ca-file', 'ca.crt'],
  ['requestheader-client-ca-file', 'front-proxy-ca.crt'],
] as const

/**
 * Servers that share a store are one cluster only if they share its keys: else each would refuse the tokens and client
 * certificates of the others. Throws ClusterFailure where the store was filled under another authority than the data
 * directory's.
 */
export function checkSameKeys(store: Pick<Store, 'get'>, data: Pick<DataDirectory, 'file'>): void {
  const entry = store.get(published)
  if (!entry) return
  const config = JSON.parse(entry.value.toString()) as { data?: Record<string, string> }
  const isOwn = ([field, name]: readonly [string, string]) => {
    const authority = config.data?.[field]
    const file = data.file('pki', name)
    return !authority || (existsSync(file) && readFileSync(file, 'utf8') === authority)
  }
  if (authorities.every(isOwn)) return
  throw new ClusterFailure(
    `The objects in the store belong to a cluster with other keys than those in ${data.file('pki')}.`,
    'Copy the folder pki of that cluster into this data directory, or choose an empty store.',
  )
}
