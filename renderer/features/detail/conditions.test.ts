// @vitest-environment node
import { expect, it } from 'vitest'
import { conditionTone } from './conditions.ts'

const tone = (type: string, status: string) => conditionTone({ type, status })

it('knows that some conditions are good news when they do not hold', () => {
  expect(tone('Ready', 'True')).toBe('ok')
  expect(tone('Ready', 'False')).toBe('warn')
  expect(tone('MemoryPressure', 'False')).toBe('ok')
  expect(tone('MemoryPressure', 'True')).toBe('bad')
  expect(tone('ReplicaFailure', 'True')).toBe('bad')
  expect(tone('Ready', 'Unknown')).toBe('warn')
})
