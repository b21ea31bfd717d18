import type { Feature } from '../../app/feature.ts'
import OverviewPage from './OverviewPage.vue'
import { messages } from './messages.ts'

export const overview: Feature = {
  name: 'overview',
  messages,
  pages: [{ path: '', name: 'overview', component: OverviewPage }],
}
