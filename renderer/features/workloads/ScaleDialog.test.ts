import { afterEach, expect, it, vi } from 'vitest'
import { mountInApp, type InApp } from '../../app/testing/mountInApp.ts'
import { pressButton, screenText, until } from '../../app/testing/screen.ts'
import { Refusal } from '../../data/testing/fake-workbench.ts'
import { deployments } from '#shared/kube/resources.ts'
import ScaleDialog from './ScaleDialog.vue'
import { messages } from './messages.ts'

let app: InApp
const closed = vi.fn()
const open = async () => {
  const target = { context: 'builtin', resource: deployments, namespace: 'default', name: 'hello' }
  app = await mountInApp(ScaleDialog, { target, onClose: closed }, { name: 'workloads', messages })
  await until(() => expect(screenText()).toContain('Now 5'))
  await until(() => expect(tiles('Running')).toBe(5))
}
afterEach(() => app.wrapper.unmount())
const tiles = (word: string) =>
  [...document.querySelectorAll('[role="listitem"]')].filter((tile) => tile.textContent?.includes(word)).length

it('shows what a larger number would add before anything is asked of the cluster', async () => {
  await open()
  await pressButton('One more')
  await pressButton('One more')
  expect(tiles('to come')).toBe(2)
  expect(screenText()).toContain('--replicas=7')
  expect(app.asked('workload.scale')).toEqual([])
})

it('shows which pods a smaller number would take', async () => {
  await open()
  await pressButton('One fewer')
  expect(tiles('to go')).toBe(1)
})

it('scales, and the tiles follow to the new number', async () => {
  await open()
  await pressButton('One more')
  await pressButton('Scale to 6')
  await until(() =>
    expect(app.asked('workload.scale')).toMatchObject([{ name: 'hello', namespace: 'default', replicas: 6 }]),
  )
  await until(() => expect(tiles('Running')).toBe(6))
})

it('says why it was refused and keeps the number that was wished for', async () => {
  await open()
  app.workbench.refuse.set('workload.scale', new Refusal(403, 'Forbidden', 'you may not', 'Ask for a role.'))
  await pressButton('One more')
  await pressButton('Scale to 6')
  await until(() => expect(screenText()).toContain('you may not'))
  expect(screenText()).toContain('Ask for a role.')
  expect(screenText()).toContain('--replicas=6')
})
