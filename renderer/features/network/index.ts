import { ArrowLeftRight } from '@lucide/vue'
import { useActions } from '../../app/actions.ts'
import { useDialogs } from '../../app/dialogs.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { usePanels } from '../../app/panels.ts'
import { kindId } from '../../data/kinds.ts'
import ForwardDialog from './ForwardDialog.vue'
import IngressSummary from './IngressSummary.vue'
import ServiceSummary from './ServiceSummary.vue'
import { messages } from './messages.ts'

const forwardable = new Set(['pods', 'services'])

export const network: Feature = {
  name: 'network',
  messages,
  pages: [{ path: 'forwards', name: 'forwards', component: () => import('./ForwardsPage.vue') }],
  install() {
    usePanels().addSummary('services', ServiceSummary)
    usePanels().addSummary('ingresses.networking.k8s.io', IngressSummary)
    useActions().register([
      {
        id: 'forward',
        title: t('network.forward'),
        icon: ArrowLeftRight,
        keys: ['shift+f'],
        group: 'do',
        applies: (resource) => forwardable.has(kindId(resource)),
        run: ([target]) => useDialogs().open(ForwardDialog, { target }),
      },
    ])
  },
}
