import { ScrollText } from '@lucide/vue'
import { useActions } from '../../app/actions.ts'
import { useDock } from '../../app/dock.ts'
import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { lazy } from '../../app/lazy.ts'
import { objectAddress } from '../../app/navigation.ts'
import type { ObjectTarget } from '../../app/target.ts'
import { kindId } from '../../data/kinds.ts'
import type { ResourceRef } from '#shared/ipc/queries.ts'
import { messages } from './messages.ts'

const LogView = lazy(async () => (await import('./LogView.vue')).default)
const withPods = new Set([
  'pods',
  'deployments.apps',
  'replicasets.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
])
const applies = (resource: ResourceRef): boolean => withPods.has(kindId(resource))

function open(target: ObjectTarget, previousRun: boolean): void {
  useDock().add({
    id: `logs:${target.context}/${objectAddress(target)}/${target.container ?? ''}${previousRun ? '/previous' : ''}`,
    title: t(previousRun ? 'logs.previousTab' : 'logs.tab', {
      name: [target.name, target.container].filter(Boolean).join(' / '),
    }),
    icon: ScrollText,
    component: LogView,
    props: { target, previousRun },
  })
}

export const logs: Feature = {
  name: 'logs',
  messages,
  install() {
    useActions().register([
      {
        id: 'logs',
        title: t('logs.logs'),
        icon: ScrollText,
        keys: ['l'],
        group: 'look',
        many: true,
        applies,
        run: (targets) => targets.slice(0, 8).forEach((target) => open(target, false)),
      },
      {
        id: 'previousLogs',
        title: t('logs.previous'),
        icon: ScrollText,
        keys: ['p'],
        group: 'look',
        applies: (resource) => kindId(resource) === 'pods',
        run: ([target]) => open(target!, true),
      },
    ])
  },
}
