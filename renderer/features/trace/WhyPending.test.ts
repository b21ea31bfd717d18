import { afterEach, expect, it } from 'vitest'
import { mountInApp, type InApp } from '../../app/testing/mountInApp.ts'
import { pressButton, screenText, until } from '../../app/testing/screen.ts'
import type { FakeCluster } from '../../data/testing/fake-cluster.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { pods } from '#shared/kube/resources.ts'
import { schedulingDecisions, type SchedulingDecision } from '#shared/kube/trace.ts'
import WhyPending from './WhyPending.vue'
import WhyPlaced from './WhyPlaced.vue'
import { messages } from './messages.ts'

let app: InApp
afterEach(() => app.wrapper.unmount())

const metadata = { name: 'big', namespace: 'shop', resourceVersion: '1' }
const target = { context: 'builtin', resource: pods, namespace: 'shop', name: 'big' }

const decision = (more: Partial<SchedulingDecision>) => ({
  apiVersion: 'trace.wheelhouse.dev/v1',
  kind: 'SchedulingDecision',
  metadata,
  podUID: 'u',
  scheduler: 'default-scheduler',
  ...more,
})

const pending = decision({
  result: 'Unschedulable',
  summary: 'No node fits: 12 lack cpu (at least 1 more needed).',
  rejections: [
    {
      count: 12,
      plugins: [
        {
          name: 'NodeResourcesFit',
          reasons: ['Insufficient cpu'],
          missing: [{ resource: 'cpu', requested: '4', least: '1', most: '2500m' }],
        },
      ],
      nodes: [{ name: 'sim-1', missing: [{ resource: 'cpu', free: '3', missing: '1' }] }],
      evictionHelps: true,
    },
  ],
  preemption: { result: 'NoHelp' },
  retry: { state: 'Waiting', attempts: 3, wakes: [{ plugin: 'NodeResourcesFit', events: ['a node is added'] }] },
})

async function show(component: object, pod: KubeObject, served: boolean, found?: object) {
  const options = {
    kinds: served ? [schedulingDecisions] : [],
    more: (cluster: FakeCluster) => {
      if (found) cluster.put('schedulingdecisions.trace.wheelhouse.dev', found as never)
    },
  }
  app = await mountInApp(component as never, { target, object: pod }, { name: 'trace', messages }, options)
}

it('says in one sentence why a pod waits, then which nodes and what wakes it', async () => {
  await show(WhyPending, { metadata }, true, pending)
  await until(() => expect(screenText()).toContain('No node fits: 12 lack cpu (at least 1 more needed).'))
  expect(screenText()).toContain('cpu: 1 to 2.5 more needed of 4')
  expect(screenText()).toMatch(/Tried 3 times\. It is tried again when one of these happens: ?a node is added/)
  expect(screenText()).not.toContain('sim-1')
  await pressButton('Show nodes')
  expect(screenText()).toMatch(/sim-1 ?3 cpu free/)
  expect(screenText()).toContain('and 11 more')
})

it('asks nothing and shows nothing on a cluster that has no such API', async () => {
  await show(WhyPending, { metadata }, false, pending)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(app.asked('object.get')).toEqual([])
  expect(app.wrapper.text()).toBe('')
})

it('shows nothing, and no error, where nothing is known of the pod', async () => {
  await show(WhyPending, { metadata }, true)
  await until(() => expect(app.asked('object.get')).toHaveLength(1))
  expect(app.wrapper.text()).toBe('')
})

it('has nothing to say of a pod that has its node, but keeps its scores at hand', async () => {
  const placed = { metadata, spec: { nodeName: 'sim-1' } } as KubeObject
  const scores = [
    { node: 'sim-1', total: 120, plugins: [{ name: 'ImageLocality', score: 20 }] },
    { node: 'sim-2', total: 110, plugins: [{ name: 'ImageLocality', score: 10 }] },
  ]
  const found = decision({ result: 'Placed', summary: 'On sim-1: the best of 2 that fit.', node: 'sim-1', scores })
  await show(WhyPending, placed, true, found)
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(app.wrapper.text()).toBe('')
  app.wrapper.unmount()
  await show(WhyPlaced, placed, true, found)
  await until(() => expect(screenText()).toContain('On sim-1: the best of 2 that fit.'))
  expect(screenText()).not.toContain('ImageLocality')
  await pressButton('Show scores')
  expect(screenText()).toMatch(/ImageLocality ?20 ?10/)
})
