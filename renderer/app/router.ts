import { createRouter, createWebHashHistory, type Router } from 'vue-router'
import ContextPage from '../features/shell/ContextPage.vue'
import type { Feature } from './feature.ts'
import StartPage from './StartPage.vue'

/** Addresses: `#/c/CONTEXT/k/KIND?q=…&o=KIND/NAMESPACE/NAME`. In the hash, so that any host serves one page only. */
export function createAppRouter(features: readonly Feature[]): Router {
  return createRouter({
    history: createWebHashHistory(),
    routes: [
      { path: '/', name: 'start', component: StartPage, meta: { bare: true } },
      { path: '/c/:context', component: ContextPage, children: features.flatMap(({ pages = [] }) => [...pages]) },
      ...features.flatMap(({ topPages = [] }) => [...topPages]),
      { path: '/:rest(.*)*', redirect: '/' },
    ],
  })
}
