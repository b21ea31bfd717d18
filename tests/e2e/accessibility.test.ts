import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { violations } from '../support/axe.ts'
import { picturesOfFailures, startSession, type Session } from './session.ts'

let app: Session
beforeAll(async () => {
  app = await startSession()
  await app.kubectl('create', 'secret', 'generic', 'login', '--from-literal=a=b', '--from-literal=c=d')
  // One that fails, and one that is always about to leave.
  await app.kubectl('run', 'failing', '--image=nowhere.example/none')
  await app.kubectl('run', 'leaving', '--image=wheelhouse/shell', '--', 'sleep', '1000')
  await app.kubectl('patch', 'pod', 'leaving', '-p', '{"metadata":{"finalizers":["wheelhouse.dev/stay"]}}')
  await app.kubectl('delete', 'pod', 'leaving', '--now', '--wait=false')
  await app.kubectl('set', 'image', 'deployment/hello', 'hello=wheelhouse/hello:v2')
}, 120_000)
afterAll(() => app?.[Symbol.asyncDispose]())
picturesOfFailures(() => app?.page)

const kinds = ['pods', 'deployments.apps', 'replicasets.apps', 'services', 'configmaps', 'secrets', 'nodes', 'events']
const drawers = [
  ['pods', 'failing'],
  ['pods', 'leaving'],
  ['deployments.apps', 'hello'],
  ['services', 'hello'],
  ['configmaps', 'hello-config'],
  ['secrets', 'login'],
  ['clusterroles.rbac.authorization.k8s.io', 'edit'],
  ['clusterrolebindings.rbac.authorization.k8s.io', 'cluster-admin'],
] as const

/** Keys that open a dialog over a deployment, and what it has once it is whole. */
const dialogs = [
  ['s', 'input[type=range]'],
  ['i', 'input'],
  ['u', '.monaco-diff-editor .view-line'],
  ['Delete', 'button'],
  ['?', 'dt'],
  ['c', '.monaco-editor .view-line'],
] as const

/** What the page as it is fails, in both themes. */
async function faults(): Promise<string[]> {
  const found: string[] = []
  for (const colorScheme of ['light', 'dark'] as const) {
    await app.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    // Colours follow the theme within a few frames: only what stays wrong is wrong.
    let wrong = await violations(app.page)
    for (let again = 0; wrong.length && again < 5; again++) wrong = await violations(app.page)
    found.push(...wrong.map((one) => `${colorScheme}: ${one}`))
  }
  return found
}

// Nothing that a failed test leaves open is in the next one's way.
beforeEach(async () => {
  await app.page.reload()
})

describe('passes axe in both themes', () => {
  it('on the welcome and the overview', async () => {
    await app.page.evaluate("location.hash = '#/welcome'")
    await app.page.getByRole('button', { name: 'Deploy the sample' }).waitFor()
    expect(await faults(), 'welcome').toEqual([])
    await app.page.evaluate("location.hash = '#/c/builtin'")
    await app.page.getByRole('heading', { name: 'Needs a look' }).waitFor()
    expect(await faults(), 'overview').toEqual([])
    await app.page.evaluate("location.hash = '#/c/builtin/capacity'")
    await app.page.getByText('of 110 pods').waitFor()
    expect(await faults(), 'capacity').toEqual([])
  })

  it('on who may what', async () => {
    await app.page.evaluate("location.hash = '#/c/builtin/access'")
    await app.page.getByRole('row').nth(1).waitFor()
    expect(await faults(), 'who can').toEqual([])
    await app.page.getByRole('button', { name: 'Resource: pods' }).click()
    await app.page.getByRole('option').first().waitFor()
    expect(await faults(), 'a choice').toEqual([])
    await app.page.keyboard.press('Escape')
    await app.page.evaluate("location.hash = '#/c/builtin/access?view=rights&whom=user:jane'")
    await app.page.getByRole('row').nth(1).waitFor()
    expect(await faults(), 'rights').toEqual([])
  })

  it.each(kinds)('on the table of %s', async (kind) => {
    await app.show(kind)
    await app.page.getByRole('grid').locator('[role=row][id]').first().waitFor()
    expect(await faults(), kind).toEqual([])
  })

  it.each(drawers)('on the details of %s %s', async (kind, name) => {
    await app.show(kind)
    await app.open(name)
    expect(await faults(), 'summary').toEqual([])
    await app.drawer.getByRole('tab', { name: 'Events' }).click()
    expect(await faults(), 'events').toEqual([])
  })

  it.each(dialogs)('on the dialog that %s opens', async (key, ready) => {
    await app.show('deployments.apps')
    await app.open('hello')
    await app.page.keyboard.press(key)
    await app.dialog.locator(ready).first().waitFor()
    expect(await faults(), key).toEqual([])
  })

  it('on the palette, the switchers and the menus', async () => {
    await app.show('pods')
    await app.page.keyboard.press('Control+k')
    await app.page.getByRole('option').first().waitFor()
    expect(await faults(), 'palette').toEqual([])
    await app.page.keyboard.press('Escape')
    await app.page.getByRole('button', { name: 'Settings and help' }).click()
    await app.page.getByRole('menuitemcheckbox').or(app.page.getByRole('menuitem')).first().waitFor()
    expect(await faults(), 'settings').toEqual([])
    await app.page.keyboard.press('Escape')
    await app.page.getByRole('menu').waitFor({ state: 'hidden' })
    for (const keys of [['n'], ['g', 'c']]) {
      for (const key of keys) await app.page.keyboard.press(key)
      await app.page.getByRole('option').first().waitFor()
      expect(await faults(), keys.join(' ')).toEqual([])
      await app.page.keyboard.press('Escape')
      await app.page.getByRole('listbox').waitFor({ state: 'hidden' })
    }
  })

  it('on the dock and the editor', async () => {
    await app.show('deployments.apps')
    await app.open('hello')
    await app.page.keyboard.press('l')
    await app.page.getByRole('log').getByText(/GET/).first().waitFor()
    await app.page.keyboard.press('y')
    await app.drawer.locator('.monaco-editor .view-line').first().waitFor()
    expect(await faults(), 'log and YAML').toEqual([])
  })
})

it('has complained about nothing on its console', () => {
  expect(app.complaints).toEqual([])
})
