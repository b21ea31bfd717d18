import { ShieldCheck } from '@lucide/vue'
import { useActions } from '../../app/actions.ts'
import { useCommands } from '../../app/commands.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { useNavigation } from '../../app/navigation.ts'
import { usePanels } from '../../app/panels.ts'
import { kindId } from '../../data/kinds.ts'
import BindingSummary from './BindingSummary.vue'
import RoleSummary from './RoleSummary.vue'
import { messages } from './messages.ts'
import { addressOf } from './question.ts'

export const access: Feature = {
  name: 'access',
  messages,
  pages: [{ path: 'access', name: 'access', component: () => import('./AccessPage.vue') }],
  install() {
    const panels = usePanels()
    for (const kind of ['roles', 'clusterroles']) panels.addSummary(`${kind}.rbac.authorization.k8s.io`, RoleSummary)
    for (const kind of ['rolebindings', 'clusterrolebindings'])
      panels.addSummary(`${kind}.rbac.authorization.k8s.io`, BindingSummary)
    useActions().register([
      {
        id: 'rights',
        title: t('access.openRights'),
        icon: ShieldCheck,
        group: 'look',
        applies: (resource) => kindId(resource) === 'serviceaccounts',
        run: ([target]) => {
          if (!target?.namespace) return
          const whom = addressOf({ kind: 'ServiceAccount', namespace: target.namespace, name: target.name })
          return useNavigation().toPage('access', { view: 'rights', whom })
        },
      },
    ])
    useCommands().register([
      {
        id: 'access.open',
        title: t('access.title'),
        section: t('app.go'),
        icon: ShieldCheck,
        keys: ['g a'],
        run: () => void useNavigation().toPage('access'),
      },
      {
        id: 'access.mine',
        title: t('access.mine'),
        section: t('app.go'),
        icon: ShieldCheck,
        run: () => void useNavigation().toPage('access', { view: 'rights' }),
      },
    ])
  },
}
