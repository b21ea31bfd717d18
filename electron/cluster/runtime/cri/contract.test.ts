import { afterAll, beforeAll } from 'vitest'
import { describeContract } from '../testing/contract.ts'
import { createHarness, type CriHarness } from './testing/harness.ts'

let making: Promise<CriHarness>
let harness: CriHarness
beforeAll(async () => {
  making = createHarness()
  harness = await making
}, 60_000)
// One that was not made in time is disposed of all the same.
afterAll(async () => (await making)[Symbol.asyncDispose](), 60_000)

describeContract('containerd', () => harness)
