import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { mountInApp, type InApp } from '../../app/testing/mountInApp.ts'
import { pressButton, screenText, until } from '../../app/testing/screen.ts'
import { nodes } from '#shared/kube/resources.ts'
import type { DrainPlan, DrainProgress, DrainState } from '#shared/ipc/nodes.ts'
import DrainDialog from './DrainDialog.vue'
import { messages } from './messages.ts'

let app: InApp
let say: (value: DrainProgress) => void
let end: () => void
const closed = vi.fn()
const pod = (name: string, more: Partial<DrainPlan['pods'][number]> = {}): DrainPlan['pods'][number] => ({
  namespace: 'default',
  name,
  uid: `uid-${name}`,
  needs: [],
  budgets: [],
  ...more,
})
const open = async (plan: DrainPlan) => {
  const target = { context: 'builtin', resource: nodes, name: 'n1' }
  app = await mountInApp(
    DrainDialog,
    { target, onClose: closed },
    { name: 'nodes', messages },
    {
      answers: { 'node.drainPlan': plan },
      streams: {
        'node.drain': (tell, finish) => {
          say = tell
          end = finish
        },
      },
    },
  )
  await until(() => expect(screenText()).toContain(plan.pods[0]!.name))
}
const progress = (states: Record<string, DrainState>, message?: string): DrainProgress => ({
  cordoned: true,
  pods: Object.entries(states).map(([name, state]) => ({
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    state,
    ...(message ? { message } : {}),
  })),
})
beforeEach(() => closed.mockReset())
afterEach(() => app.wrapper.unmount())

it('says before anything happens who leaves, who stays, and what budgets will hold back', async () => {
  await open({
    pods: [
      pod('web-1', { budgets: ['web'] }),
      pod('web-2', { budgets: ['web'] }),
      pod('agent', { stays: 'daemonSet' }),
    ],
    budgets: [{ namespace: 'default', name: 'web', allowed: 1, leaving: 2, healthy: 3, desired: 2 }],
  })
  expect(screenText()).toContain('2 pods leave')
  expect(screenText()).toContain('1 of 2 may leave at once')
  expect(screenText()).toContain('stays: of a daemon set')
  expect(screenText()).toContain('drain n1 --ignore-daemonsets')
  expect(app.asked('node.drain')).toEqual([])
})

it('asks for consent to what would be lost, and cannot start without', async () => {
  await open({ pods: [pod('alone', { needs: ['unmanaged', 'emptyDir'] })], budgets: [] })
  expect(screenText()).toContain('--delete-emptydir-data --force')
  await pressButton('Drain the node')
  expect(app.asked('node.drain')).toEqual([])
  for (const box of document.querySelectorAll<HTMLInputElement>('input[type=checkbox]')) box.click()
  await until(() => expect(screenText()).toContain('Lose 1 pod that no controller makes anew'))
  await pressButton('Drain the node')
  await until(() =>
    expect(app.asked('node.drain')).toMatchObject([{ name: 'n1', consents: ['emptyDir', 'unmanaged'] }]),
  )
})

it('follows each pod, with the words of the budget that blocks it, to the end', async () => {
  await open({ pods: [pod('web-1'), pod('web-2')], budgets: [] })
  await pressButton('Drain the node')
  await until(() => expect(app.asked('node.drain')).toHaveLength(1))
  say(progress({ 'web-1': 'gone', 'web-2': 'blocked' }, 'needs 2 healthy pods'))
  await until(() => expect(screenText()).toContain('1 of 2 gone'))
  expect(screenText()).toContain('waits for its budget')
  expect(screenText()).toContain('needs 2 healthy pods')
  say(progress({ 'web-1': 'gone', 'web-2': 'gone' }))
  end()
  await until(() => expect(screenText()).toContain('n1 is drained.'))
})

it('stops when told to, and says what stays done', async () => {
  await open({ pods: [pod('web')], budgets: [] })
  await pressButton('Drain the node')
  await until(() => expect(app.asked('node.drain')).toHaveLength(1))
  say(progress({ web: 'blocked' }))
  await pressButton('Stop')
  await until(() => expect(app.asked('close node.drain')).toHaveLength(1))
  expect(screenText()).toContain('What has left stays away')
})
