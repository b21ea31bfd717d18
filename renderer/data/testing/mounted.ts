import { createPinia, setActivePinia } from 'pinia'
import { createApp, defineComponent, h, type Component } from 'vue'
import { createChannel, type Channel } from '../channel.ts'
import { provideChannel } from '../useChannel.ts'
import { FakeWorkbench, type FakeOptions } from './fake-workbench.ts'

export interface Mounted<T> {
  workbench: FakeWorkbench
  channel: Channel
  result: T
  unmount(): void
}

/** Runs a composable in a component of its own, on a fake workbench. */
export function withSetup<T>(setup: () => T, options: FakeOptions = {}): Mounted<T> {
  const workbench = new FakeWorkbench({ speed: 1, ...options })
  const channel = createChannel({ connect: workbench.connect, delay: () => 0 })
  let result!: T
  const probe: Component = defineComponent({
    setup() {
      result = setup()
      return () => h('i')
    },
  })
  const app = createApp(probe)
  const pinia = createPinia()
  setActivePinia(pinia)
  app.use(pinia)
  provideChannel(app, channel)
  app.mount(document.createElement('div'))
  return { workbench, channel, result, unmount: () => app.unmount() }
}
