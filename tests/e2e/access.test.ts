import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { picturesOfFailures, startSession, type Session } from './session.ts'

let app: Session
beforeAll(async () => {
  app = await startSession({ sample: false })
  const created = await app.kubectl.run(
    ['create', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  )
  if (created.code !== 0) throw new Error(created.stderr)
}, 120_000)
afterAll(() => app?.[Symbol.asyncDispose]())
picturesOfFailures(() => app?.page)

const apiVersion = 'rbac.authorization.k8s.io/v1'
const apiGroup = 'rbac.authorization.k8s.io'
const items = [
  { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bot', namespace: 'default' } },
  {
    apiVersion,
    kind: 'Role',
    metadata: { name: 'bots', namespace: 'default' },
    rules: [
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['login'], verbs: ['get'] },
      { apiGroups: ['apps'], resources: ['*/scale'], verbs: ['update'] },
    ],
  },
  {
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name: 'bot', namespace: 'default' },
    roleRef: { apiGroup, kind: 'Role', name: 'bots' },
    subjects: [{ kind: 'ServiceAccount', name: 'bot', namespace: 'default' }],
  },
  {
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name: 'jane', namespace: 'default' },
    roleRef: { apiGroup, kind: 'ClusterRole', name: 'view' },
    subjects: [{ kind: 'User', name: 'jane', apiGroup }],
  },
]
const bot = 'system:serviceaccount:default:bot'
const canI = async (as: string, ...words: string[]) =>
  (await app.kubectl.run(['auth', 'can-i', ...words, `--as=${as}`])).stdout.trim() === 'yes'

/** Whether the page names the subject among those who may, for the question of this address. */
async function named(subject: string, words: string): Promise<boolean> {
  const { page } = app
  await page.evaluate(`location.hash = '#/c/builtin/access?${words}'`)
  await page.reload()
  await page.getByRole('table').or(page.getByText('No binding lets anybody')).first().waitFor()
  return page.getByRole('row').getByRole('button', { name: subject, exact: true }).first().isVisible()
}

it('answers who can as the server decides it', async () => {
  const scale = ['update', 'deployments.apps', '--subresource=scale']
  const asked: [as: string, subject: string, words: string, ...canI: string[]][] = [
    ['jane', 'jane', 'verb=list&what=pods&ns=default', 'list', 'pods', '-n', 'default'],
    ['jane', 'jane', 'verb=list&what=pods&ns=kube-system', 'list', 'pods', '-n', 'kube-system'],
    ['jane', 'jane', 'verb=get&what=secrets&ns=default', 'get', 'secrets', '-n', 'default'],
    ['jane', 'jane', 'verb=list&what=nodes', 'list', 'nodes', '-A'],
    [bot, 'default/bot', 'verb=get&what=secrets&name=login&ns=default', 'get', 'secrets/login', '-n', 'default'],
    [bot, 'default/bot', 'verb=get&what=secrets&name=other&ns=default', 'get', 'secrets/other', '-n', 'default'],
    [bot, 'default/bot', 'verb=update&what=deployments.apps/scale&ns=default', ...scale, '-n', 'default'],
    [bot, 'default/bot', 'verb=update&what=deployments.apps&ns=default', 'update', 'deployments.apps', '-n', 'default'],
  ]
  const answers: boolean[] = []
  for (const [as, subject, words, ...rest] of asked) {
    const may = await canI(as, ...rest)
    expect(await named(subject, words), `${as} ${words}`).toBe(may)
    answers.push(may)
  }
  expect(answers).toEqual([true, false, false, false, true, false, true, false])
})

it('leads from a service account to its rights, to the binding, and back', async () => {
  const { page } = app
  await app.show('serviceaccounts')
  await app.open('bot')
  await page.keyboard.press('Control+k')
  await page.keyboard.type('Rights of this service account')
  await page.getByRole('option', { name: 'Rights of this service account' }).first().click()
  const row = page.getByRole('row').filter({ hasText: '*.apps/scale' })
  await row.waitFor()
  expect(await row.getByLabel('yes').count()).toBe(1)
  await row.getByRole('button', { name: 'bot' }).click()
  await app.drawer.getByRole('heading', { name: 'bot', exact: true }).waitFor()
  await app.drawer.getByRole('button', { name: 'default/bot' }).waitFor()
  await page.goBack()
  await app.drawer.waitFor({ state: 'hidden' })
  await page.reload()
  await row.waitFor()
  await page.getByText('auth can-i --list --as=system:serviceaccount:default:bot').waitFor()
})

it('is asked with keys alone', async () => {
  const { page } = app
  await page.keyboard.press('g')
  await page.keyboard.press('a')
  await page.getByRole('button', { name: 'Verb: get' }).focus()
  await page.keyboard.press('Enter')
  await page.keyboard.type('impersonate')
  await page.keyboard.press('Enter')
  await page.getByText('auth can-i impersonate pods').waitFor()
  expect(page.url()).toContain('verb=impersonate')
})

it('shows one’s own rights with somebody else’s eyes, as far as they may see', async () => {
  const { page } = app
  await page.keyboard.press('Control+k')
  await page.keyboard.type('View as another user')
  await page.getByRole('option', { name: 'View as another user' }).first().click()
  await app.dialog.getByLabel('User', { exact: true }).fill('jane')
  await app.dialog.getByRole('button', { name: 'View', exact: true }).click()
  await app.dialog.waitFor({ state: 'hidden' })
  await page.evaluate("location.hash = '#/c/builtin/access?ns=default'")
  await page.getByText('Role bindings may not be listed here').waitFor()
  await page.getByRole('tab', { name: 'Rights of' }).click()
  await page.getByText('You are jane.').waitFor()
  await eventually('what view allows', async () =>
    page
      .getByRole('row')
      .filter({ hasText: /^pods\/log/ })
      .isVisible(),
  )
  expect(await canI('jane', 'get', 'pods', '--subresource=log', '-n', 'default')).toBe(true)
})

it('has complained about nothing on its console', () => {
  expect(app.complaints).toEqual([])
})
