import { defineStore } from 'pinia'
import { markRaw, shallowReactive, type Component } from 'vue'
import { kindId } from '../data/kinds.ts'
import type { ResourceRef } from '#shared/ipc/queries.ts'

/** A tab of the detail drawer. Its component gets `target` and `object`. */
export interface DetailTab {
  id: string
  title: string
  component: Component
  order: number
  applies?: (resource: ResourceRef) => boolean
}

/** What features contribute to the detail drawer: tabs for every object, and a summary for a kind. */
export const usePanels = defineStore('panels', () => {
  const tabs = shallowReactive(new Map<string, DetailTab>())
  const summaries = shallowReactive(new Map<string, Component>())
  return {
    addTab: (tab: DetailTab): void => void tabs.set(tab.id, { ...tab, component: markRaw(tab.component) }),
    /** `kind` as in addresses: `pods`, `deployments.apps`. */
    addSummary: (kind: string, component: Component): void => void summaries.set(kind, markRaw(component)),
    tabsFor: (resource: ResourceRef): DetailTab[] =>
      [...tabs.values()].filter((tab) => tab.applies?.(resource) ?? true).sort((a, b) => a.order - b.order),
    summaryFor: (resource: ResourceRef): Component | undefined => summaries.get(kindId(resource)),
  }
})
