import { afterEach, expect, it } from 'vitest'
import { useCommands } from '../../app/commands.ts'
import { useNavigation } from '../../app/navigation.ts'
import { mountInApp, type InApp } from '../../app/testing/mountInApp.ts'
import { pressButton, screenText, until } from '../../app/testing/screen.ts'
import type { FakeOptions } from '../../data/testing/fake-workbench.ts'
import { useWorkspace } from '../../app/workspace.ts'
import WelcomePage from './WelcomePage.vue'
import { welcome } from './index.ts'
import { messages } from './messages.ts'

let app: InApp
afterEach(() => app.wrapper.unmount())

async function show(builtin: NonNullable<FakeOptions['builtin']>): Promise<void> {
  app = await mountInApp(WelcomePage, {}, { name: 'welcome', messages }, { builtin })
  welcome.install?.()
  await until(() => expect(useWorkspace().builtin?.state).toBe(builtin))
}
const offered = () =>
  useCommands()
    .available()
    .find(({ id }) => id === 'welcome.sample')

it('leads to the sample by its command again after Back', async () => {
  await show('running')
  for (let time = 0; time < 2; time++) {
    offered()!.run()
    await until(() => expect(screenText()).toContain('Apply it'))
    await pressButton('Back')
    await until(() => expect(screenText()).toContain('Deploy the sample'))
    await until(() => expect(useNavigation().queryWord('step')).toBe(''))
  }
})

it.each(['stopped', 'failed', 'starting'] as const)('offers no sample to a cluster that is %s', async (state) => {
  await show(state)
  expect(offered()).toBeUndefined()
})
