import { Trash2 } from '@lucide/vue'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { h } from 'vue'
import { deployments } from '#shared/kube/resources.ts'
import { useActions } from './actions.ts'
import { useDialogs } from './dialogs.ts'
import { useProtection } from './protection.ts'
import { mountInApp, type InApp } from './testing/mountInApp.ts'
import { pressButton, screenText, typeInto, until } from './testing/screen.ts'
import { useWorkspace } from './workspace.ts'

let app: InApp
const target = { context: 'builtin', resource: deployments, namespace: 'default', name: 'hello' }
const done = vi.fn()
const action = (group: 'look' | 'remove') => ({
  id: group,
  title: group,
  icon: Trash2,
  group,
  applies: () => true,
  run: () => done(group),
})
beforeEach(async () => {
  done.mockReset()
  const Dialogs = {
    setup: () => {
      const dialogs = useDialogs()
      return () =>
        dialogs.stack.map(({ id, component, props }) =>
          h(component, { ...props, key: id, onClose: () => dialogs.close(id) }),
        )
    },
  }
  app = await mountInApp(Dialogs, {}, { name: 'none', messages: {} })
  useProtection().protect('builtin')
  await vi.waitUntil(() => useWorkspace().isLocked('builtin'))
})
afterEach(() => app.wrapper.unmount())

it('asks for the name of a protected cluster before a change, and then goes on with it', async () => {
  void useActions().run(action('remove'), [target])
  await until(() => expect(screenText()).toContain('Change something in wheelhouse?'))
  await pressButton('Unlock')
  expect(app.asked('contexts.unlock')).toEqual([])
  await typeInto('Type wheelhouse', 'wheelhouse')
  await pressButton('Unlock')
  await until(() => expect(done).toHaveBeenCalledWith('remove'))
  expect(app.asked('contexts.unlock')).toEqual([{ context: 'builtin', typed: 'wheelhouse' }])
})

it('asks nobody who only looks', async () => {
  await useActions().run(action('look'), [target])
  expect(done).toHaveBeenCalledWith('look')
})

it('lets go of a cluster only with its name', async () => {
  useProtection().release('builtin')
  await until(() => expect(screenText()).toContain('Type wheelhouse'))
  expect(app.asked('contexts.protect')).toEqual([{ context: 'builtin', on: true }])
  await typeInto('Type wheelhouse', 'wheelhouse')
  await pressButton('Unlock')
  await until(() => expect(app.asked('contexts.protect')).toContainEqual({ context: 'builtin', on: false }))
})
