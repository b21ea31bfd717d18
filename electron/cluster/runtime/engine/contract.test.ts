import { afterAll, beforeAll } from 'vitest'
import { describeContract } from '../testing/contract.ts'
import { createHarness, type EngineHarness } from './testing/harness.ts'

let making: Promise<EngineHarness>
let harness: EngineHarness
beforeAll(async () => {
  making = createHarness({ kind: 'docker' })
  harness = await making
}, 60_000)
// One that was not made in time is disposed of all the same.
afterAll(async () => (await making)[Symbol.asyncDispose](), 60_000)

describeContract('docker', () => harness)
