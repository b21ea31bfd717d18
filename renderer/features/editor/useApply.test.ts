// @vitest-environment node
import { expect, it } from 'vitest'
import { createChannel } from '../../data/channel.ts'
import { FakeWorkbench, Refusal } from '../../data/testing/fake-workbench.ts'
import { useApply } from './useApply.ts'

const configMap = (value: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: fresh\ndata:\n  key: ${value}\n`
function start() {
  const workbench = new FakeWorkbench()
  const channel = createChannel({ connect: workbench.connect })
  return { workbench, flow: useApply(channel, () => ({ context: 'builtin', namespace: 'default' })) }
}
const there = (workbench: FakeWorkbench) => workbench.cluster.find('configmaps', 'default', 'fresh')

it('changes nothing on review and says what would be', async () => {
  const { workbench, flow } = start()
  await flow.review(configMap('a'), undefined)
  expect(flow.outcomes.value).toMatchObject([{ kind: 'ConfigMap', name: 'fresh', outcome: 'created' }])
  expect(there(workbench)).toBeUndefined()
})

it('applies what was reviewed', async () => {
  const { workbench, flow } = start()
  await flow.review(configMap('a'), undefined)
  expect(await flow.apply(configMap('a'), undefined)).toBe(true)
  expect(there(workbench)).toMatchObject({ data: { key: 'a' } })
})

it('leads to the line that the server blames', async () => {
  const { flow } = start()
  const yaml = 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: -1\n'
  await flow.review(yaml, undefined)
  expect(flow.complaints.value).toMatchObject([{ line: 6, field: 'spec.replicas' }])
  expect(await flow.apply(yaml, undefined)).toBe(false)
})

it('notices that the object changed meanwhile', async () => {
  const { workbench, flow } = start()
  await flow.apply(configMap('a'), undefined)
  const version = there(workbench)!.metadata.resourceVersion
  await flow.apply(configMap('b'), undefined)
  await flow.review(configMap('c'), version)
  expect(flow.conflict.value).toBe(true)
})

it('keeps the text and tells the cure when nothing could be asked', async () => {
  const { workbench, flow } = start()
  workbench.refuse.set('object.apply', new Refusal(400, 'BadYaml', 'Line 3 is not YAML.', 'Mind the indentation.'))
  await flow.review('a: [', undefined)
  expect(flow.problem.value).toEqual({ message: 'Line 3 is not YAML.', cure: 'Mind the indentation.' })
  expect(flow.outcomes.value).toBeUndefined()
})
