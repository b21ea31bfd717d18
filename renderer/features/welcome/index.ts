import { Rocket, Ship } from '@lucide/vue'
import { useCommands } from '../../app/commands.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { useNavigation } from '../../app/navigation.ts'
import { useWorkspace } from '../../app/workspace.ts'
import { messages } from './messages.ts'

export const welcome: Feature = {
  name: 'welcome',
  messages,
  topPages: [{ path: '/welcome', name: 'welcome', component: () => import('./WelcomePage.vue'), meta: { bare: true } }],
  install() {
    const navigation = useNavigation()
    const workspace = useWorkspace()
    useCommands().register([
      {
        id: 'welcome.open',
        title: t('welcome.open'),
        section: t('app.general'),
        icon: Ship,
        run: () => void navigation.toPage('welcome'),
      },
      {
        id: 'welcome.sample',
        title: t('welcome.deploy'),
        section: t('app.general'),
        icon: Rocket,
        when: () => workspace.builtin?.state === 'running',
        run: () => void navigation.toPage('welcome', { step: 'read' }),
      },
    ])
  },
}
