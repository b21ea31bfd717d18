import { Gauge } from '@lucide/vue'
import { useCommands } from '../../app/commands.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { useNavigation } from '../../app/navigation.ts'
import { messages } from './messages.ts'

export const capacity: Feature = {
  name: 'capacity',
  messages,
  pages: [{ path: 'capacity', name: 'capacity', component: () => import('./CapacityPage.vue') }],
  install() {
    useCommands().register([
      {
        id: 'capacity.open',
        title: t('capacity.title'),
        section: t('app.go'),
        icon: Gauge,
        keys: ['g k'],
        run: () => void useNavigation().toPage('capacity'),
      },
    ])
  },
}
