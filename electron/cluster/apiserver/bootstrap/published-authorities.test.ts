import type { ConfigMap } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { silentLogger } from '../../base/logger.ts'
import { kinds } from '../registry/index.ts'
import { smallCore } from '../testing/small-core.ts'
import { bootstrap } from './bootstrap.ts'
import { keepAuthoritiesPublished } from './published-authorities.ts'

const facts = {
  serviceCidr: '10.96.0.0/16',
  serviceAddress: '10.96.0.1',
  authority: 'clients',
  frontProxy: 'proxies',
  today: '2026-01-01',
}

it('puts back what extension API servers trust when it is changed or removed', async () => {
  const { core, store, kind } = smallCore({ kinds })
  await bootstrap({ core, store, logger: silentLogger, facts })
  const { objects } = kind('configmaps')
  const key = objects.keyOf('kube-system', 'extension-apiserver-authentication')
  const read = () => objects.get(key) && (kind('configmaps').object(objects.get(key)!) as ConfigMap)
  const before = read()!
  expect(before.data).toMatchObject({
    'client-ca-file': 'clients',
    'requestheader-client-ca-file': 'proxies',
    'requestheader-username-headers': '["X-Remote-User"]',
  })
  const keeping = keepAuthoritiesPublished({ core, logger: silentLogger, facts })
  const settled = () => new Promise((resolve) => setImmediate(resolve))

  const entry = objects.get(key)!
  await objects.put(key, Object.assign(objects.copy(entry), { data: { 'client-ca-file': 'mine' } }), entry.revision)
  await settled()
  expect(read()).toMatchObject({ metadata: { uid: before.metadata!.uid! }, data: before.data })

  await objects.remove(key, objects.get(key)!.revision, objects.copy(objects.get(key)!))
  await settled()
  expect(read()!.data).toEqual(before.data)
  expect(read()!.metadata!.uid).not.toBe(before.metadata!.uid)

  const { revision } = store
  await settled()
  expect(store.revision).toBe(revision)
  keeping[Symbol.dispose]()
})
