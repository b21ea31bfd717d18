import type { Feature } from '../../app/feature.ts'
import { usePanels } from '../../app/panels.ts'
import DataSummary from './DataSummary.vue'
import { messages } from './messages.ts'

export const config: Feature = {
  name: 'config',
  messages,
  install() {
    const panels = usePanels()
    panels.addSummary('configmaps', DataSummary)
    panels.addSummary('secrets', DataSummary)
  },
}
