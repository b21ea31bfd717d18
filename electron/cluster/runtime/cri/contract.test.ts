import { afterAll, beforeAll } from 'vitest'
import { describeContract } from '../testing/contract.ts'
import { createHarness, type CriHarness } from './testing/harness.ts'

let harness: CriHarness
beforeAll(async () => {
  harness = await createHarness('10.251.8.0/24')
}, 60_000)
afterAll(() => harness[Symbol.asyncDispose](), 60_000)

describeContract('containerd', () => harness)
