import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { picturesOfFailures, startSession, type Session } from './session.ts'

let app: Session
beforeAll(async () => {
  app = await startSession()
}, 120_000)
afterAll(() => app?.[Symbol.asyncDispose]())
picturesOfFailures(() => app?.page)

const press = async (...keys: readonly string[]): Promise<void> => {
  for (const key of keys) await app.page.keyboard.press(key)
}
const grid = (name: string) => app.page.getByRole('grid', { name, exact: true })
const replicas = async () => (await app.deployment()).spec?.replicas

it('scales a deployment without a mouse: go, move, open, act, confirm, leave', async () => {
  await app.page
    .getByRole('heading', { name: 'wheelhouse' })
    .or(app.page.getByRole('button', { name: 'Open the cluster' }))
    .first()
    .waitFor()
  await app.show('pods')
  await press('g', 'd')
  await grid('Deployments').waitFor()
  await app.row('hello').waitFor()
  await press('j', 'Enter')
  await app.drawer.getByRole('heading', { name: 'hello', exact: true }).waitFor()
  await press('s')
  await app.dialog.getByRole('heading', { name: 'Scale hello' }).waitFor()
  await app.dialog.locator('input:focus').waitFor()
  await app.page.keyboard.type('6')
  await press('Enter')
  await eventually('six wished for', async () => (await replicas()) === 6)
  await press('Escape')
  await app.dialog.waitFor({ state: 'hidden' })
  await press('Escape')
  await app.drawer.waitFor({ state: 'hidden' })
})

it('finds kinds, objects and what can be done in the palette', async () => {
  await press('Control+k')
  await app.page.keyboard.type('services')
  await app.page.getByRole('option', { name: /^Services/ }).waitFor()
  await press('Enter')
  await grid('Services').waitFor()
  await press('Control+k')
  await app.page.keyboard.type('kube-dns')
  await app.page.getByRole('option', { name: /kube-dns/ }).waitFor()
  await press('Enter')
  await app.drawer.getByRole('heading', { name: 'kube-dns' }).waitFor()
  await press('Escape', ':')
  await app.page.keyboard.type('deploy kube-system')
  await press('Enter')
  await app.page.getByRole('button', { name: 'Namespaces: kube-system' }).waitFor()
  await app.page.getByText('There are none in kube-system.').waitFor()
  await press('0')
  await app.row('hello').waitFor()
  await press('j', 'Control+k')
  await app.page.keyboard.type('restart')
  await app.page.getByRole('option', { name: /^Restart/ }).waitFor()
  await press('Enter')
  await eventually('restarted', async () =>
    Boolean((await app.deployment()).spec?.template.metadata?.annotations?.['kubectl.kubernetes.io/restartedAt']),
  )
})

it('selects rows and deletes exactly these', async () => {
  for (const name of ['one', 'two', 'three'])
    await app.kubectl('create', 'configmap', name, '--from-literal=a=b', '-n', 'kube-public')
  await press('g', 'm')
  await grid('Config Maps').waitFor()
  await press('/')
  await app.page.keyboard.type('kube-public')
  await eventually('four rows', async () => (await grid('Config Maps').getAttribute('aria-rowcount')) === '5')
  await press('Enter', 'End', 'Space', 'k', 'Space')
  await app.page.getByText('2 selected').waitFor()
  await press('Delete')
  await app.dialog.getByRole('heading', { name: 'Delete 2 Config Maps?' }).waitFor()
  await press('Enter')
  await app.dialog.waitFor({ state: 'hidden' })
  await eventually('the two are gone', async () => {
    const names = await app.kubectl('get', 'configmaps', '-n', 'kube-public', '-o', 'name')
    return names === 'configmap/kube-root-ca.crt\nconfigmap/one\n'
  })
})

it('says in words which keys there are', async () => {
  await press('?')
  await app.dialog.getByText('Next row').waitFor()
  expect(await app.dialog.getByText('Scale', { exact: true }).count()).toBe(1)
  await press('Escape')
  await app.dialog.waitFor({ state: 'hidden' })
})

it('has complained about nothing on its console', () => {
  expect(app.complaints).toEqual([])
})
