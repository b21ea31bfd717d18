import { afterEach } from 'vitest'
import { startEtcd, type TestEtcd } from '../../../../tests/support/etcd.ts'
import { systemClock } from '../../base/clock.ts'
import { silentLogger } from '../../base/logger.ts'
import { describeContract } from '../testing/contract.ts'
import { openEtcdStore } from './etcd.ts'

const started: TestEtcd[] = []
afterEach(async () => {
  for (const etcd of started.splice(0)) await etcd[Symbol.asyncDispose]()
})

// The contract counts revisions from 1, so each store gets an etcd of its own.
describeContract({
  name: 'etcd',
  async open(_, limits) {
    const etcd = await startEtcd(['--max-request-bytes', '8000000'])
    started.push(etcd)
    return openEtcdStore({
      address: { urls: [etcd.url] },
      clock: systemClock,
      logger: silentLogger,
      prefix: '/',
      ...(limits ? { limits } : {}),
    })
  },
})
