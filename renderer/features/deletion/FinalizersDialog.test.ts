import { afterEach, expect, it, vi } from 'vitest'
import { mountInApp, type InApp } from '../../app/testing/mountInApp.ts'
import { pressButton, screenText, until } from '../../app/testing/screen.ts'
import { Refusal } from '../../data/testing/fake-workbench.ts'
import { persistentVolumeClaims } from '#shared/kube/resources.ts'
import FinalizersDialog from './FinalizersDialog.vue'
import { messages } from './messages.ts'

let app: InApp
let say: (value: unknown) => void
const closed = vi.fn()
const claim = (finalizers: string[]) => ({
  metadata: {
    name: 'data',
    namespace: 'shop',
    resourceVersion: '7',
    deletionTimestamp: '2026-01-01T00:00:00Z',
    finalizers,
  },
})
const open = async (finalizers: string[]) => {
  app = await mountInApp(
    FinalizersDialog,
    {
      target: { context: 'builtin', resource: persistentVolumeClaims, namespace: 'shop', name: 'data' },
      onClose: closed,
    },
    { name: 'deletion', messages },
    {
      streams: { 'object.watch': (tell) => void (say = tell) },
      answers: { 'object.patch': {} },
    },
  )
  await vi.waitUntil(() => say)
  say({ object: claim(finalizers) })
  await until(() => expect(screenText()).toContain(finalizers[0] ?? 'no finalizers'))
}
afterEach(() => {
  app.wrapper.unmount()
  closed.mockReset()
})
const tick = (place: number) => document.querySelectorAll<HTMLInputElement>('input[type=checkbox]')[place]!.click()

it('says what each finalizer waits for, and of those it does not know that they are somebody else’s', async () => {
  await open(['kubernetes.io/pvc-protection', 'example.com/backup'])
  expect(screenText()).toContain('A pod still uses the claim.')
  expect(screenText()).toContain('Of another program.')
})

it('removes those that were chosen and no others, from the object as it was shown', async () => {
  await open(['kubernetes.io/pvc-protection', 'example.com/backup'])
  await pressButton('Remove what is chosen')
  expect(app.asked('object.patch')).toEqual([])
  tick(1)
  await until(() => expect(screenText()).toContain('patch persistentvolumeclaims/data'))
  await pressButton('Remove what is chosen')
  await until(() =>
    expect(app.asked('object.patch')).toMatchObject([
      {
        type: 'merge',
        body: { metadata: { finalizers: ['kubernetes.io/pvc-protection'], resourceVersion: '7' } },
      },
    ]),
  )
})

it('closes once the object is gone', async () => {
  await open(['example.com/backup'])
  say({ gone: true })
  await until(() => expect(closed).toHaveBeenCalled())
})

it('says why a removal was refused', async () => {
  await open(['example.com/backup'])
  app.workbench.refuse.set('object.patch', new Refusal(409, 'Conflict', 'it has changed'))
  tick(0)
  await until(() => expect(screenText()).toContain('--type=merge'))
  await pressButton('Remove what is chosen')
  await until(() => expect(screenText()).toContain('it has changed'))
})
