import type { Feature } from '../../app/feature.ts'
import { t } from '../../app/i18n.ts'
import { usePanels } from '../../app/panels.ts'
import EventsTab from './EventsTab.vue'
import SummaryTab from './SummaryTab.vue'
import { messages } from './messages.ts'

export const detail: Feature = {
  name: 'detail',
  messages,
  install() {
    const panels = usePanels()
    panels.addTab({ id: 'summary', title: t('detail.summary'), component: SummaryTab, order: 0 })
    panels.addTab({
      id: 'events',
      title: t('detail.events'),
      component: EventsTab,
      order: 20,
      applies: (resource) => resource.kind !== 'Event',
    })
  },
}
