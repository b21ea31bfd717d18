import type { Feature } from '../../app/feature.ts'
import KindPage from './KindPage.vue'
import { messages } from './messages.ts'

export const tables: Feature = {
  name: 'tables',
  messages,
  pages: [{ path: 'k/:kind', name: 'kind', component: KindPage }],
}
