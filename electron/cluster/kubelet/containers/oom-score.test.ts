import { expect, it } from 'vitest'
import type { Container, Pod } from '../types.ts'
import { oomScore } from './oom-score.ts'

const score = (resources: Container['resources'], spec: object = {}) => {
  const container = { name: 'main', ...(resources ? { resources } : {}) }
  return oomScore({ spec: { ...spec, containers: [container] } } as Pod, container, 1000 << 20)
}

it('ends first what promised nothing and last what is guaranteed', () => {
  expect(score(undefined)).toBe(1000)
  expect(score({ limits: { cpu: '1', memory: '100Mi' } })).toBe(-997)
  expect(score(undefined, { priorityClassName: 'system-node-critical' })).toBe(-997)
})

it('ends those in between the sooner the less they asked for', () => {
  expect(score({ requests: { memory: '250Mi' } })).toBe(750)
  expect(score({ requests: { cpu: '1' } })).toBe(999)
  expect(score({ requests: { memory: '1000Mi' } })).toBe(3)
})
