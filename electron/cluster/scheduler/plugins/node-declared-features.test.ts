import { expect, it } from 'vitest'
import { node, pod, World } from '../testing.ts'

const declaring = (name: string, ...declaredFeatures: string[]) => {
  const made = node(name)
  return { ...made, status: { ...made.status, declaredFeatures } } as typeof made
}
const restarting = (name: string) => {
  const made = pod(name)
  const restartPolicyRules = [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }]
  const containers = [Object.assign({ name: 'c', image: 'i' }, { restartPolicyRules })]
  return { ...made, spec: { ...made.spec, containers } }
}

it('places pods only on nodes that declare what these ask for', () => {
  const nodes = [declaring('old'), declaring('new', 'RestartAllContainersOnContainerExits')]
  const world = new World({ nodes })
  expect(world.outcome(restarting('p'))).toBe('new')
  const decision = new World({ nodes: [declaring('old')] }).decide(restarting('q'))
  expect(JSON.stringify(decision)).toContain("node(s) didn't match Pod's required features")
})

it('tells pods that ask for it from others that are alike', () => {
  const world = new World({ nodes: [declaring('old')] })
  expect([world.outcome(pod('a')), world.outcome(pod('b')), world.decide(restarting('c')).placed]).toEqual([
    'old',
    'old',
    false,
  ])
})
