import type { ConfigMap, Node, Service } from 'kubernetes-types/core/v1'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '../support/wait.ts'
import { picturesOfFailures, startSession, type Session } from './session.ts'

let app: Session
beforeAll(async () => {
  app = await startSession()
  await app.kubectl('create', 'namespace', 'shop')
  await app.kubectl('create', 'secret', 'generic', 'login', '--from-literal=password=hunter2', '-n', 'shop')
}, 120_000)
afterAll(() => app?.[Symbol.asyncDispose]())
picturesOfFailures(() => app?.page)

const config = () => app.kubectl.json<ConfigMap>('get', 'configmap', 'hello-config')
const editor = () => app.page.getByRole('region', { name: 'Details of hello-config' }).locator('.monaco-editor').first()

it('edits YAML: shows what the server would make of it, and changes nothing before that is applied', async () => {
  const { page, drawer } = app
  await app.show('configmaps')
  await app.open('hello-config')
  await page.keyboard.press('e')
  await editor().locator('.view-line').filter({ hasText: 'LOG_LEVEL: info' }).click()
  await page.keyboard.press('End')
  await page.keyboard.press('Control+Shift+ArrowLeft')
  await page.keyboard.type('debug')
  await page.keyboard.press('Control+s')
  await drawer.locator('.monaco-diff-editor').getByText('debug').waitFor()
  expect((await config()).data?.['LOG_LEVEL']).toBe('info')
  await drawer.getByRole('button', { name: 'Apply', exact: true }).click()
  await page.getByText('hello-config is changed.').waitFor()
  expect((await config()).data?.['LOG_LEVEL']).toBe('debug')
})

it('names the line and field of what the server refuses, and keeps the text', async () => {
  const { page, dialog } = app
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await dialog.locator('.monaco-editor').waitFor()
  await dialog.getByRole('button', { name: 'ConfigMap' }).click()
  await dialog.locator('.view-line').first().click()
  await page.keyboard.press('Control+Home')
  await page.keyboard.insertText('nonsense: true\n')
  await dialog.getByRole('button', { name: /^Review changes/ }).click()
  await dialog.getByText('refused').waitFor()
  await dialog.getByRole('button', { name: 'Line 1', exact: true }).waitFor()
  await dialog.getByText(/unknown field/).waitFor()
  expect(await dialog.getByRole('button', { name: 'Apply', exact: true }).count()).toBe(0)
  await dialog.getByRole('button', { name: 'Back to the text' }).click()
  await dialog.locator('.view-line').getByText('nonsense').waitFor()
})

it('creates several objects at once, after a dry run of each', async () => {
  const { page, dialog } = app
  await page.keyboard.press('Control+a')
  await page.keyboard.press('Delete')
  await dialog.getByRole('button', { name: 'Deployment and Service' }).click()
  await dialog.getByRole('button', { name: /^Review changes/ }).click()
  await dialog.getByRole('list', { name: 'Documents' }).getByRole('listitem').nth(1).waitFor()
  expect((await app.kubectl.run(['get', 'deployment', 'web'])).code).not.toBe(0)
  await dialog.getByRole('button', { name: 'Apply', exact: true }).click()
  await app.drawer.getByRole('heading', { name: 'web', exact: true }).waitFor()
  await app.kubectl('get', 'deployment/web', 'service/web')
})

it('masks secrets until asked, one by one', async () => {
  const { drawer } = app
  await app.show('secrets')
  await app.open('login')
  await drawer.getByText('password', { exact: true }).waitFor()
  expect(await drawer.getByText('hunter2').count()).toBe(0)
  await drawer.getByRole('button', { name: 'Show' }).click()
  await drawer.getByText('hunter2').waitFor()
  await drawer.getByRole('button', { name: 'Hide' }).click()
  await drawer.getByText('hunter2').waitFor({ state: 'detached' })
})

it('shows a service with its address, ports and the pods behind it', async () => {
  const { drawer } = app
  await app.show('services')
  await app.open('hello')
  const { spec } = await app.kubectl.json<Service>('get', 'service', 'hello')
  await drawer.getByText(spec!.clusterIP!).first().waitFor()
  await drawer.getByText('5 of 5 ready').waitFor()
  for (const { metadata } of await app.pods()) await drawer.getByText(metadata!.name!).waitFor()
  const link = drawer.getByRole('link', { name: /^http:\/\// })
  const answer = await fetch((await link.getAttribute('href'))!)
  expect(await answer.json()).toMatchObject({ app: 'hello', version: 'v1' })
})

it('shows a node with what runs on it, and cordons it', async () => {
  const { drawer } = app
  const node = () => app.kubectl.json<{ items: Node[] }>('get', 'nodes').then(({ items }) => items[0]!)
  const { metadata, status } = await node()
  await app.show('nodes')
  await app.open(metadata!.name!)
  await drawer.getByText(status!.nodeInfo!.kubeletVersion).first().waitFor()
  await drawer.getByText((await app.pods())[0]!.metadata!.name!).waitFor()
  await drawer.getByRole('button', { name: 'Cordon or uncordon' }).click()
  await app.row(metadata!.name!).getByText('Ready, cordoned').waitFor()
  expect((await node()).spec?.unschedulable).toBe(true)
  await drawer.getByRole('button', { name: 'Cordon or uncordon' }).click()
  await eventually('uncordoned', async () => (await node()).spec?.unschedulable === undefined)
})

it('looks into one namespace, and into all again', async () => {
  const { page } = app
  await app.show('secrets')
  await page.keyboard.press('n')
  await page.getByRole('option', { name: 'shop' }).click()
  await app.row('login').waitFor()
  await page.getByRole('button', { name: 'Namespaces: shop' }).waitFor()
  await page.getByRole('link', { name: 'Services' }).click()
  await page.getByText('There are none in shop.').waitFor()
  await page.getByRole('button', { name: 'Look in all namespaces' }).click()
  await app.row('hello').waitFor()
  const services = await app.kubectl('get', 'services', '-A', '-o', 'name')
  expect(await page.getByRole('grid').getAttribute('aria-rowcount')).toBe(String(services.split('\n').length))
})

it('has complained about nothing on its console', () => {
  expect(app.complaints).toEqual([])
})
