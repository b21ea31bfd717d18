import { afterAll, beforeAll, expect, it } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import type { SchedulingDecision, Trace } from '#shared/kube/trace.ts'
import { violations } from '../support/axe.ts'
import { picturesOfFailures, startSession, type Session } from './session.ts'
import { eventually } from '../support/wait.ts'

let session: Session

const pending = `
apiVersion: v1
kind: Pod
metadata: { name: large }
spec: { containers: [{ name: c, image: wheelhouse/hello:v1, resources: { requests: { cpu: "512" } } }] }
---
apiVersion: v1
kind: Secret
metadata: { name: hidden }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: viewer }
`

beforeAll(async () => {
  session = await startSession()
  await session.kubectl.run(['apply', '-f', '-'], pending)
  await session.kubectl(
    'create',
    'rolebinding',
    'viewer',
    '--clusterrole',
    'view',
    '--serviceaccount',
    'default:viewer',
  )
})
picturesOfFailures(() => session?.page)
afterAll(() => session?.[Symbol.asyncDispose]())

const as = ['--as', 'system:serviceaccount:default:viewer']

it('kubectl tells why a pod has no node, and how good the nodes of others were', async () => {
  const { kubectl: k } = session
  await eventually('a decision', async () => (await k.run(['get', 'why', 'large'])).stdout.includes('Unschedulable'))
  expect(await k('get', 'why', 'large')).toMatch(
    /^NAME +RESULT +NODE +AGE +WHY\nlarge +Unschedulable +<none> +\d+s +No node fits: 1 lacks cpu \(.* more needed\) even when empty\.\n$/,
  )
  const { rejections, retry, message } = await k.json<SchedulingDecision>('get', 'schedulingdecision', 'large')
  expect(rejections).toMatchObject([{ count: 1, plugins: [{ missing: [{ resource: 'cpu', requested: '512' }] }] }])
  expect(retry?.wakes?.map(({ plugin }) => plugin)).toEqual(['NodeResourcesFit'])
  expect(await k('describe', 'pod', 'large')).toContain(message)
  expect(await k('explain', 'schedulingdecisions.rejections.plugins.missing.least')).toContain('lacks least')
  const { items } = await k.json<KubeList<SchedulingDecision>>('get', 'why', '-l', 'app=hello')
  expect(items.map(({ result, node }) => `${result} ${node}`)).toEqual(Array(5).fill('Placed wheelhouse'))
})

it('kubectl tells what scaling a deployment set in motion, down to the container that started', async () => {
  const { kubectl: k } = session
  await k('scale', 'deployment/hello', '--replicas=6')
  await k('rollout', 'status', 'deployment/hello', '--timeout=30s')
  const about = ['get', 'traces', '--field-selector', 'object.kind=Deployment,object.name=hello,action=update/scale']
  const [scaled] = (await k.json<KubeList<Trace>>(...about)).items
  expect(scaled).toMatchObject({ user: 'kubernetes-admin', component: 'kubectl', change: 'replicas 5 → 6' })
  const { items } = await k.json<KubeList<Trace>>('get', 'traces', '--field-selector', `root=${scaled!.id}`)
  const told = items.map(({ component, action, object }) => `${component} ${action} ${object.kind}`)
  const steps = [
    'kubectl update/scale Deployment',
    'deployment-controller update ReplicaSet',
    'replicaset-controller create Pod',
    'kube-scheduler binding Pod',
    'kubelet Started Pod',
    'replicaset-controller update/status ReplicaSet',
  ]
  // Each after the one before, whatever else comes in between.
  const found = steps.filter((step) => told.splice(0, told.indexOf(step) + 1).length)
  expect(found).toEqual(steps)
})

it('kubectl shows a viewer no traces of what the viewer may not read', async () => {
  const { kubectl: k } = session
  const secret = ['get', 'traces', '--field-selector', 'object.name=hidden', '--no-headers']
  expect(await k(...secret)).toContain('secret/hidden')
  expect(await k.run([...secret, ...as])).toMatchObject({ code: 0, stdout: '' })
  expect(await k('get', 'traces', '--field-selector', 'object.name=large', '--no-headers', ...as)).toContain(
    'pod/large',
  )
})

it('the details of a pod say why it waits, and its history what it came of', async () => {
  const { page, drawer } = session
  await session.show('pods')
  await session.open('large')
  await drawer.getByText(/^No node fits: 1 lacks cpu/).waitFor()
  await drawer.getByRole('button', { name: 'Show nodes' }).click()
  await drawer.getByRole('button', { name: 'wheelhouse', exact: true }).waitFor()
  expect(await violations(page)).toEqual([])
  await session.show('deployments.apps')
  await session.open('hello')
  await page.keyboard.press('4')
  const scaled = drawer.getByRole('listitem').filter({ hasText: 'kubernetes-admin (kubectl) scaled it' })
  await scaled.getByRole('button', { name: 'What came of it' }).click()
  const story = drawer.getByRole('list', { name: 'What came of it' })
  await story.getByText('gave a node to').waitFor()
  expect(await violations(page)).toEqual([])
  await story
    .getByRole('button', { name: /^Pod hello-/ })
    .first()
    .click()
  await drawer.getByRole('heading', { name: /^hello-/ }).waitFor()
  expect(session.complaints).toEqual([])
})
