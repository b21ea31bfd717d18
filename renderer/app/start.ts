import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import '../ui/style.css'
import { useCommands } from './commands.ts'
import { features } from './features.ts'
import { addMessages, i18n } from './i18n.ts'
import { messages } from './messages.ts'
import { useNavigation } from './navigation.ts'
import { useNotices } from './notices.ts'
import { createAppRouter } from './router.ts'
import { applyTheme } from './theme.ts'
import { useWorkspace } from './workspace.ts'
import { createChannel } from '../data/channel.ts'
import type { Connect } from '../data/ports.ts'
import { provideChannel } from '../data/useChannel.ts'

/** Starts the page on a way to reach a workbench. */
export function startApp(connect: Connect): void {
  applyTheme(document)
  addMessages('app', messages)
  for (const feature of features) addMessages(feature.name, feature.messages)

  const app = createApp(App)
  app.use(createPinia()).use(i18n)
  const notices = useNotices()
  app.config.errorHandler = (error) => {
    notices.fail(error)
    throw error
  }
  const channel = createChannel({ connect })
  provideChannel(app, channel)
  const workspace = useWorkspace()
  void workspace.attach(channel).catch(notices.fail)

  const router = createAppRouter(features)
  useNavigation().attach(router)
  for (const feature of features) feature.install?.()
  app.use(router).mount('#app')
  useCommands().listen(window)
}
