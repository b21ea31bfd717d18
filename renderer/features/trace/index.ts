import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { usePanels } from '../../app/panels.ts'
import { kindId } from '../../data/kinds.ts'
import type { ResourceRef } from '#shared/ipc/queries.ts'
import { schedulingDecisions, traceGroup, traces } from '#shared/kube/trace.ts'
import HistoryTab from './HistoryTab.vue'
import WhyPending from './WhyPending.vue'
import WhyPlaced from './WhyPlaced.vue'
import { messages } from './messages.ts'
import { isServed } from './served.ts'

/** What is written down about objects has no history of its own. */
const hasHistory = ({ kind, group }: ResourceRef): boolean => kind !== 'Event' && group !== traceGroup

const isPod = (resource: ResourceRef): boolean => kindId(resource) === 'pods' && isServed(schedulingDecisions)

export const trace: Feature = {
  name: 'trace',
  messages,
  install() {
    const panels = usePanels()
    panels.addSection({ id: 'why-pending', place: 'top', component: WhyPending, applies: isPod })
    panels.addSection({ id: 'why-placed', place: 'bottom', component: WhyPlaced, applies: isPod })
    panels.addTab({
      id: 'history',
      title: t('trace.history'),
      component: HistoryTab,
      order: 30,
      applies: (resource) => hasHistory(resource) && isServed(traces),
    })
  },
}
