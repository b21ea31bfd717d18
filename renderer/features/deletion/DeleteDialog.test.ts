import { screenText, pressButton, typeInto, until } from '../../app/testing/screen.ts'
import { mountInApp, type InApp } from '../../app/testing/mountInApp.ts'
import { afterEach, expect, it, vi } from 'vitest'
import { deployments, namespaces, pods } from '#shared/kube/resources.ts'
import { Refusal } from '../../data/testing/fake-workbench.ts'
import DeleteDialog from './DeleteDialog.vue'
import { messages } from './messages.ts'

let app: InApp
const closed = vi.fn()
const ask = async (targets: readonly object[]) => {
  app = await mountInApp(DeleteDialog, { targets, onClose: closed }, { name: 'deletion', messages })
}
afterEach(() => {
  app.wrapper.unmount()
  closed.mockReset()
})
const target = (resource: object, name: string, namespace?: string) => ({
  context: 'builtin',
  resource,
  name,
  ...(namespace ? { namespace } : {}),
})

it('names the exact targets, and deletes these by uid and nothing else', async () => {
  await ask([
    { ...target(pods, 'one', 'shop'), uid: 'u1' },
    { ...target(pods, 'two', 'default'), uid: 'u2' },
  ])
  app.workbench.refuse.set('object.delete', new Refusal(404, 'NotFound', 'pods "one" not found'))
  expect(screenText()).toContain('one')
  expect(screenText()).toContain('two')
  await pressButton('Delete 2')
  await until(() => expect(app.asked('object.delete')).toHaveLength(2))
  expect(app.asked('object.delete').map(({ name, namespace, uid }) => [name, namespace, uid])).toEqual([
    ['one', 'shop', 'u1'],
    ['two', 'default', 'u2'],
  ])
})

it('stays open and says which deletion failed and why', async () => {
  await ask([target(pods, 'one', 'shop')])
  app.workbench.refuse.set('object.delete', new Refusal(403, 'Forbidden', 'you may not'))
  await pressButton('Delete')
  await until(() => expect(screenText()).toContain('one: you may not'))
  expect(closed).not.toHaveBeenCalled()
})

it('says what goes with a deployment: its replica sets and their pods', async () => {
  await ask([target(deployments, 'hello', 'default')])
  await until(() => expect(screenText()).toMatch(/2 replica sets/))
  await until(() => expect(screenText()).toMatch(/5 pods/))
})

it('says that a pod under a controller comes back', async () => {
  await ask([target(pods, 'hello-7d4b9c6f58-5sj8w', 'default')])
  await until(() => expect(screenText()).toContain('ReplicaSet hello-7d4b9c6f58'))
})

it('deletes a namespace only after its name was typed', async () => {
  await ask([target(namespaces, 'shop')])
  await pressButton('Delete')
  expect(app.asked('object.delete')).toEqual([])
  await typeInto('Type shop to confirm', 'shop')
  await pressButton('Delete')
  await until(() => expect(app.asked('object.delete')).toMatchObject([{ name: 'shop' }]))
})

it('shows the kubectl line that does the same', async () => {
  await ask([target(pods, 'one', 'shop')])
  expect(screenText()).toMatch(/kubectl .*-n shop delete pods one/)
})
