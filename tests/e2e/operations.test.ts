import type { CronJob, Job } from 'kubernetes-types/batch/v1'
import type { Node } from 'kubernetes-types/core/v1'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { KubeList } from '#shared/kube/object.ts'
import { eventually } from '../support/wait.ts'
import { picturesOfFailures, startSession, type Session } from './session.ts'

let app: Session
beforeAll(async () => {
  app = await startSession()
  const created = await app.kubectl.run(['create', '-f', '-'], JSON.stringify(budgetAndCronJob))
  if (created.code !== 0) throw new Error(created.stderr)
}, 120_000)
afterAll(() => app?.[Symbol.asyncDispose]())
picturesOfFailures(() => app?.page)

const template = {
  spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'wheelhouse/shell', command: ['true'] }] },
}
const budgetAndCronJob = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'hello', namespace: 'default' },
      spec: { minAvailable: 4, selector: { matchLabels: { app: 'hello' } } },
    },
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'nightly', namespace: 'default' },
      spec: { schedule: '0 3 * * *', jobTemplate: { spec: { template } } },
    },
  ],
}
const command = async (words: string): Promise<void> => {
  await app.page.keyboard.press('Control+k')
  await app.page.keyboard.type(words)
  await app.page.getByRole('option', { name: words }).first().click()
}
const jobs = async () => (await app.kubectl.json<KubeList<Job>>('get', 'jobs')).items
const node = () => app.kubectl.json<Node>('get', 'node', 'wheelhouse')

it('runs a cron job now, and the job again', async () => {
  await app.show('cronjobs.batch')
  await app.open('nightly')
  await app.page.keyboard.press('t')
  await eventually('a job that was made by hand', async () => {
    const [job] = await jobs()
    return job?.metadata?.annotations?.['cronjob.kubernetes.io/instantiate'] === 'manual' && job.status?.succeeded === 1
  })
  const [first] = await jobs()
  await app.show('jobs.batch')
  await app.open(first!.metadata!.name!)
  await app.page.keyboard.press('t')
  await eventually('another job like it', async () => {
    const again = (await jobs()).find(({ metadata }) => metadata?.name?.includes('-rerun-'))
    return again?.status?.succeeded === 1
  })
})

it('suspends a cron job and lets it go on', async () => {
  const suspended = async () => (await app.kubectl.json<CronJob>('get', 'cronjob', 'nightly')).spec?.suspend === true
  await app.show('cronjobs.batch')
  await app.open('nightly')
  await command('Suspend or resume')
  await eventually('it is suspended', suspended)
  await command('Suspend or resume')
  await eventually('it goes on', async () => !(await suspended()))
})

it('saves the rows that pass the filter, and no others', async () => {
  const { page } = app
  await app.show('pods')
  await page.keyboard.press('/')
  await page.keyboard.type('hello')
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: 'Columns' }).click()
  const download = page.waitForEvent('download')
  await page.getByRole('menuitem', { name: 'Save rows as CSV' }).click()
  const lines = readFileSync(await (await download).path(), 'utf8')
    .trim()
    .split('\r\n')
  expect(lines[0]).toContain('Name,')
  const names = (await app.pods()).map(({ metadata }) => metadata!.name!).toSorted()
  expect(lines.slice(1).map((line) => line.split(',')[0])).toEqual(names)
  await page.keyboard.press('Escape')
})

it('shows what each pod uses once it is known', async () => {
  await app.show('pods')
  const name = (await app.pods())[0]!.metadata!.name!
  await eventually('its memory', async () => /\d MiB/.test((await app.row(name).textContent()) ?? ''), 60_000)
  expect(await app.kubectl('top', 'pod', name)).toMatch(/\dMi/)
})

it('changes nothing in a protected cluster before its name was typed', async () => {
  const replicas = async () => (await app.deployment()).spec?.replicas
  await command('Protect this cluster')
  await app.page.getByText('Protected', { exact: true }).waitFor()
  await app.show('deployments.apps')
  await app.open('hello')
  await app.page.keyboard.press('s')
  await app.dialog.getByLabel('Type wheelhouse').fill('wheelhouse')
  await app.dialog.getByRole('button', { name: 'Unlock' }).click()
  await app.dialog.getByRole('button', { name: 'One more' }).click()
  await app.dialog.getByRole('button', { name: 'Scale to 6' }).click()
  await eventually('six replicas', async () => (await replicas()) === 6)
  await app.page.keyboard.press('Escape')
  await command('Stop protecting')
  await app.page.getByText(/^Open until/).waitFor({ state: 'hidden' })
})

it('is looked at with somebody else’s rights, and with one’s own again', async () => {
  const { page } = app
  await app.kubectl('create', 'rolebinding', 'jane', '--clusterrole=view', '--user=jane')
  const mayList = async () => (await app.kubectl.run(['auth', 'can-i', 'list', 'nodes', '--as=jane'])).stdout.trim()
  expect(await mayList()).toBe('no')
  await app.show('nodes')
  await command('View as another user')
  await app.dialog.getByLabel('User', { exact: true }).fill('jane')
  await app.dialog.getByRole('button', { name: 'View', exact: true }).click()
  await page.getByText('nodes is forbidden: User "jane" cannot list').first().waitFor()
  await page.getByRole('button', { name: 'As jane' }).click()
  await page.getByRole('button', { name: 'As jane' }).waitFor({ state: 'hidden' })
  await page.getByText('nodes is forbidden').first().waitFor({ state: 'hidden' })
})

it('drains a node as far as a budget allows, and stops when told to', async () => {
  await app.show('nodes')
  await app.open('wheelhouse')
  await command('Drain')
  await app.dialog.getByText('default/hello').waitFor()
  expect((await node()).spec?.unschedulable).toBeUndefined()
  await app.dialog.getByRole('button', { name: 'Drain the node' }).click()
  await app.dialog.getByText('waits for its budget').first().waitFor()
  expect((await node()).spec?.unschedulable).toBe(true)
  await eventually('those that the budget spares are gone', async () => {
    const here = (await app.pods()).filter(({ spec }) => spec?.nodeName)
    return here.length === 4
  })
  await app.dialog.getByRole('button', { name: 'Stop' }).click()
  await app.page.keyboard.press('Escape')
  await app.dialog.waitFor({ state: 'hidden' })
  await command('Cordon or uncordon')
  await eventually('it takes pods again', async () => !(await node()).spec?.unschedulable)
})
