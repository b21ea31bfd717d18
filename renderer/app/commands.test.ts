import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { useCommands, type Command } from './commands.ts'

let stop: () => void
beforeEach(() => {
  setActivePinia(createPinia())
  stop = useCommands().listen(window)
})
afterEach(() => stop())

const command = (id: string, keys: readonly string[], some: Pick<Command, 'when'> = {}) => ({
  id,
  title: id,
  section: 'Test',
  keys,
  run: vi.fn(),
  ...some,
})
const press = (key: string, on: EventTarget = document.body) => {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
  on.dispatchEvent(event)
  return event
}

it('runs the command of a key and keeps the browser from acting on it', () => {
  const help = command('help', ['?'])
  useCommands().register([help])
  expect(press('?').defaultPrevented).toBe(true)
  expect(help.run).toHaveBeenCalledOnce()
})

it('gives a key that several want to the latest one that applies', () => {
  const shell = command('shell', ['s'], { when: () => false })
  const scale = command('scale', ['s'])
  const early = command('early', ['s'])
  useCommands().register([early, scale, shell])
  press('s')
  expect([early, scale, shell].map(({ run }) => run.mock.calls.length)).toEqual([0, 1, 0])
})

it('lets g p go to pods although g alone and p alone mean something else', () => {
  const previous = command('previous', ['p'])
  const pods = command('pods', ['g p'])
  useCommands().register([previous, pods])
  press('g')
  press('p')
  expect(pods.run).toHaveBeenCalledOnce()
  expect(previous.run).not.toHaveBeenCalled()
})

it('does nothing while text is typed', () => {
  const down = command('down', ['j'])
  useCommands().register([down])
  const field = document.body.appendChild(document.createElement('input'))
  press('j', field)
  field.remove()
  expect(down.run).not.toHaveBeenCalled()
})

it('forgets commands of a page that is gone', () => {
  const open = command('open', ['o'])
  const leave = useCommands().register([open])
  leave()
  press('o')
  expect(open.run).not.toHaveBeenCalled()
  expect(useCommands().available()).toEqual([])
})
