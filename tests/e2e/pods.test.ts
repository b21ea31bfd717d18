import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { picturesOfFailures, startSession, type Session } from './session.ts'

let app: Session
let pod: string
beforeAll(async () => {
  app = await startSession()
  pod = (await app.pods())[0]!.metadata!.name!
}, 120_000)
afterAll(() => app?.[Symbol.asyncDispose]())
picturesOfFailures(() => app?.page)

/** Has the pod ask itself, which it logs. */
const ask = (path: string, method = 'GET') =>
  app.kubectl.run([
    'exec',
    pod,
    '--',
    'node',
    '-e',
    `fetch('http://127.0.0.1:8000${path}', { method: '${method}' }).catch(() => {})`,
  ])
const log = () => app.page.getByRole('log')
const screen = () => app.page.locator('.xterm-rows').filter({ visible: true })

async function act(key: string): Promise<void> {
  await app.show('pods')
  await app.open(pod)
  await app.page.keyboard.press(key)
}

it('lists pods live and narrows them to what is typed', async () => {
  const { page } = app
  await app.show('pods')
  await app.row(pod).waitFor()
  const filter = async (text: string) => {
    await page.keyboard.press('/')
    await page.keyboard.type(text)
    await eventually('one row', async () => (await page.getByRole('grid').getAttribute('aria-rowcount')) === '2')
    // Once to clear it, once to leave it.
    await page.keyboard.press('Escape')
    await page.keyboard.press('Escape')
  }
  await filter(pod)
  const fresh = ['run', 'fresh', '--image=wheelhouse/shell', '--labels=side=yes', '--', 'sleep', '1000']
  await app.kubectl(...fresh)
  await app.row('fresh').getByText('Running').waitFor()
  await filter('-l side=yes')
  await app.kubectl('delete', 'pod', 'fresh', '--now', '--wait=false')
  await app.row('fresh').waitFor({ state: 'detached' })
})

it('follows a log', async () => {
  await act('l')
  await log().getByText('GET /readyz 200').first().waitFor()
  await ask('/config?first')
  await log().getByText('GET /config?first 200').waitFor()
  expect(await app.kubectl('logs', pod)).toContain('GET /config?first 200')
})

it('counts a restart after a crash, and shows the log of the run before', async () => {
  await ask('/crash', 'POST')
  await app.row(pod).locator('[role=gridcell]').filter({ hasText: /^1$/ }).waitFor()
  await app.drawer.getByText(/restarted 1 time/).waitFor()
  const [status] = (await app.pods()).find(({ metadata }) => metadata?.name === pod)?.status?.containerStatuses ?? []
  expect(status?.restartCount).toBe(1)
  await act('p')
  await app.page
    .getByRole('region', { name: `Previous: ${pod}` })
    .getByText('POST /crash 200')
    .waitFor()
  expect(await app.kubectl('logs', '-p', pod)).toContain('POST /crash 200')
  expect(await app.kubectl('logs', pod)).not.toContain('POST /crash')
})

it('opens a shell, whose effect kubectl sees', async () => {
  await act('s')
  await app.page.locator('.xterm').filter({ visible: true }).waitFor()
  await app.page.keyboard.type('echo from the app > /tmp/proof; echo d""one\n')
  await screen().getByText('done').waitFor()
  expect(await app.kubectl('exec', pod, '--', 'cat', '/tmp/proof')).toBe('from the app\n')
  await app.page.keyboard.type('exit 3\n')
  await screen()
    .getByText(/^command terminated with .*3/)
    .waitFor()
})

it('attaches to what runs, whose lines stand below each other', async () => {
  await act('a')
  await ask('/config?attached')
  await screen()
    .getByText(/^GET \/config\?attached 200/)
    .waitFor()
  expect(await app.kubectl('logs', pod)).toContain('GET /config?attached 200')
})

it('shows the events of a pod, those that kubectl shows', async () => {
  await app.show('pods')
  await app.open(pod)
  await app.drawer.getByRole('tab', { name: 'Events' }).click()
  await app.drawer.getByText('Scheduled', { exact: true }).waitFor()
  const events = await app.kubectl('events', '--for', `pod/${pod}`, '-o', 'name')
  const count = events.trim().split('\n').length
  await eventually('all of them', async () => (await app.drawer.getByRole('listitem').count()) >= count)
  await app.show('events')
  await app.page.keyboard.press('/')
  await app.page.keyboard.type('ScalingReplicaSet')
  await app.page.getByRole('grid').getByText('ScalingReplicaSet').first().waitFor()
})

it('deletes a pod, which its replica set replaces', async () => {
  await act('Delete')
  await app.dialog.getByText(/will make a new one/).waitFor()
  await app.dialog.getByRole('button', { name: 'Delete', exact: true }).click()
  await app.row(pod).waitFor({ state: 'detached' })
  await eventually('five others', async () => {
    const names = (await app.pods()).map(({ metadata }) => metadata?.name)
    return names.length === 5 && !names.includes(pod)
  })
})

it('has complained about nothing on its console', () => {
  expect(app.complaints).toEqual([])
})
