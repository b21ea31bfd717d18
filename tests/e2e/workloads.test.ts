import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { picturesOfFailures, startSession, type Session } from './session.ts'

let app: Session
beforeAll(async () => {
  app = await startSession({ sample: false })
}, 120_000)
afterAll(() => app?.[Symbol.asyncDispose]())
picturesOfFailures(() => app?.page)

const image = async () => (await app.deployment()).spec?.template.spec?.containers[0]?.image
const available = async () => (await app.deployment()).status?.availableReplicas ?? 0
const settled = (count: number) =>
  eventually(`${count} pods available and no other`, async () => {
    const { status } = await app.deployment()
    return status?.availableReplicas === count && status.replicas === count && status.updatedReplicas === count
  })

/** Opens the deployment's details and presses the key of an action. */
async function act(key: string): Promise<void> {
  await app.show('deployments.apps')
  await app.open('hello')
  await app.page.keyboard.press(key)
}

async function setImage(name: string): Promise<void> {
  await act('i')
  await app.dialog.getByLabel('Image', { exact: true }).fill(name)
  await app.dialog.getByRole('button', { name: 'Set image' }).click()
  await app.dialog.waitFor({ state: 'hidden' })
  expect(await image()).toBe(name)
}

it('takes the token out of the address', () => {
  expect(app.page.url()).not.toContain('token')
})

it('leads from the empty overview straight to what the sample applies', async () => {
  const { page } = app
  await page.evaluate("location.hash = '#/c/builtin'")
  await page.getByText('Nothing runs here yet').waitFor()
  await page.getByRole('button', { name: 'Deploy the sample' }).click()
  await page.getByText('hello-config').first().waitFor()
  expect((await app.kubectl.run(['get', 'deployment', 'hello'])).code).not.toBe(0)
  await page.getByRole('button', { name: 'Back' }).click()
})

it('deploys the sample from the welcome, having shown what is applied', async () => {
  const { page } = app
  await page.getByRole('button', { name: 'Deploy the sample' }).click()
  await page.getByText('hello-config').first().waitFor()
  expect((await app.kubectl.run(['get', 'deployment', 'hello'])).code).not.toBe(0)
  await page.getByRole('button', { name: 'Apply it' }).click()
  await page.getByText('All 5 pods are available.').waitFor()
  expect(await available()).toBe(5)
  await page.getByRole('button', { name: 'Go to the cluster' }).click()
  await page.getByRole('button', { name: /^Pods 5/ }).waitFor()
})

it('scales up by the stepper and down by the slider, with a tile for each pod', async () => {
  await act('s')
  await app.dialog.getByRole('button', { name: 'One more' }).click({ clickCount: 2 })
  expect(await app.dialog.getByText('to come').count()).toBe(2)
  await app.dialog.getByRole('button', { name: 'Scale to 7' }).click()
  await settled(7)
  await eventually(
    'seven tiles',
    async () => (await app.dialog.getByRole('button', { name: /: Running$/ }).count()) === 7,
  )
  await app.dialog.getByRole('slider').fill('4')
  expect(await app.dialog.getByText('to go').count()).toBe(3)
  await app.dialog.getByRole('button', { name: 'Scale to 4' }).click()
  await settled(4)
  await eventually(
    'four tiles',
    async () => (await app.dialog.getByRole('button', { name: /: Running$/ }).count()) === 4,
  )
  await app.page.keyboard.press('Escape')
})

it('rolls out another image', async () => {
  await setImage('wheelhouse/hello:v2')
  await settled(4)
  await app.drawer.getByText('Available', { exact: true }).first().waitFor()
  expect(await image()).toBe('wheelhouse/hello:v2')
})

it('pauses a rollout, holds what comes meanwhile, and resumes it', async () => {
  const before = new Set((await app.pods()).map(({ metadata }) => metadata?.uid))
  await app.drawer.getByRole('button', { name: 'Pause rollout' }).click()
  await app.drawer.getByText('Paused', { exact: true }).waitFor()
  expect((await app.deployment()).spec?.paused).toBe(true)
  await setImage('wheelhouse/hello:v1')
  await eventually('the controller has seen it', async () => {
    const { metadata, status } = await app.deployment()
    return status?.observedGeneration === metadata?.generation
  })
  expect((await app.pods()).every(({ metadata }) => before.has(metadata?.uid))).toBe(true)
  await app.drawer.getByRole('button', { name: 'Resume rollout' }).click()
  await settled(4)
  expect((await app.pods()).some(({ metadata }) => before.has(metadata?.uid))).toBe(false)
})

it('reports a rollout that stalls, which costs no capacity', async () => {
  await app.kubectl('patch', 'deployment', 'hello', '--type=merge', '-p', '{"spec":{"progressDeadlineSeconds":4}}')
  await setImage('wheelhouse/hello:broken')
  await app.drawer.getByText('Stalled', { exact: true }).waitFor()
  await app.drawer
    .getByText(/has timed out progressing/)
    .first()
    .waitFor()
  await app.row('hello').getByText('Stalled').waitFor()
  // A quarter of four may be missing while it rolls.
  expect(await available()).toBeGreaterThanOrEqual(3)
  expect((await app.kubectl.run(['rollout', 'status', 'deployment/hello', '--watch=false'])).stderr).toContain(
    'exceeded its progress deadline',
  )
})

it('rolls back to an earlier revision, having shown the difference', async () => {
  await act('u')
  const broken = app.dialog.getByRole('option').filter({ hasText: 'wheelhouse/hello:broken' })
  await broken.getByText('now').waitFor()
  await app.dialog.getByRole('option').filter({ hasText: 'wheelhouse/hello:v2' }).click()
  const difference = app.dialog.locator('.monaco-diff-editor')
  await difference.getByText('wheelhouse/hello:broken').first().waitFor()
  await difference.getByText('wheelhouse/hello:v2').first().waitFor()
  await app.dialog.getByRole('button', { name: /^Roll back to revision \d+$/ }).click()
  await app.dialog.waitFor({ state: 'hidden' })
  expect(await image()).toBe('wheelhouse/hello:v2')
  await settled(4)
  await app.drawer.getByText('Available', { exact: true }).first().waitFor()
})

it('restarts a rollout: every pod is another', async () => {
  const before = new Set((await app.pods()).map(({ metadata }) => metadata?.uid))
  await act('r')
  await eventually('another template', async () =>
    Boolean((await app.deployment()).spec?.template.metadata?.annotations?.['kubectl.kubernetes.io/restartedAt']),
  )
  await settled(4)
  expect((await app.pods()).some(({ metadata }) => before.has(metadata?.uid))).toBe(false)
})

it('deletes what it names and nothing else, after asking', async () => {
  await act('Delete')
  await app.dialog.getByRole('heading', { name: 'Delete Deployment hello?' }).waitFor()
  await app.dialog.getByText(/4 pods/).waitFor()
  expect((await app.kubectl.run(['get', 'deployment', 'hello'])).code).toBe(0)
  await app.dialog.getByRole('button', { name: 'Delete', exact: true }).click()
  await eventually('no pods', async () => (await app.pods()).length === 0)
  expect((await app.kubectl.run(['get', 'deployment', 'hello'])).stderr).toContain('NotFound')
  expect((await app.kubectl('get', 'service,configmap', '-o', 'name')).split('\n')).toEqual(
    expect.arrayContaining(['service/hello', 'configmap/hello-config']),
  )
})

it('has complained about nothing on its console', () => {
  expect(app.complaints).toEqual([])
})
