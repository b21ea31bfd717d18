import { mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { TooltipProvider } from 'reka-ui'
import { h, type Component } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import { createChannel } from '../../data/channel.ts'
import { FakeWorkbench, type FakeOptions } from '../../data/testing/fake-workbench.ts'
import { channelKey } from '../../data/useChannel.ts'
import { addMessages, i18n } from '../i18n.ts'
import { messages as appMessages } from '../messages.ts'
import { useNavigation } from '../navigation.ts'
import { useWorkspace } from '../workspace.ts'

export interface InApp {
  workbench: FakeWorkbench
  wrapper: VueWrapper
  /** What was asked of the workbench by this method. */
  asked(method: string): Record<string, unknown>[]
}

const blank: Component = { render: () => null }

/** Mounts the component in the built-in context. Dialogs appear in the document's body. */
export async function mountInApp(
  component: Component,
  props: Record<string, unknown>,
  feature: { name: string; messages: Record<string, unknown> },
  options: FakeOptions = {},
): Promise<InApp> {
  const workbench = new FakeWorkbench({ speed: 1, ...options })
  const channel = createChannel({ connect: workbench.connect, delay: () => 0 })
  addMessages('app', appMessages)
  addMessages(feature.name, feature.messages)
  const pinia = createPinia()
  setActivePinia(pinia)
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/welcome', name: 'welcome', component: blank },
      { path: '/c/:context', name: 'overview', component: blank },
      { path: '/c/:context/k/:kind', name: 'kind', component: blank },
      { path: '/c/:context/access', name: 'access', component: blank },
    ],
  })
  await router.push('/c/builtin')
  const workspace = useWorkspace()
  await workspace.attach(channel)
  await workspace.enter('builtin')
  useNavigation().attach(router)
  const wrapper = mount(
    { render: () => h(TooltipProvider, () => h(component, props)) },
    {
      global: { plugins: [pinia, i18n, router], provide: { [channelKey as symbol]: channel } },
      attachTo: document.body,
    },
  )
  return {
    workbench,
    wrapper,
    asked: (method) => workbench.calls.filter((call) => call.method === method).map(({ params }) => params),
  }
}
