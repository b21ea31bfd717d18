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

/** A part of an object's summary. Its component gets `target` and `object`, and shows nothing where it has nothing to say. */
export interface SummarySection {
  id: string
  /** Above what the kind's own feature shows, or below it. */
  place: 'top' | 'bottom'
  component: Component
  applies: (resource: ResourceRef) => boolean
}

/** What features contribute to the detail drawer: tabs for every object, a summary for a kind, sections of summaries. */
export const usePanels = defineStore('panels', () => {
  const tabs = shallowReactive(new Map<string, DetailTab>())
  const summaries = shallowReactive(new Map<string, Component>())
  const sections = shallowReactive(new Map<string, SummarySection>())
  return {
    addTab: (tab: DetailTab): void => void tabs.set(tab.id, { ...tab, component: markRaw(tab.component) }),
    /** `kind` as in addresses: `pods`, `deployments.apps`. */
    addSummary: (kind: string, component: Component): void => void summaries.set(kind, markRaw(component)),
    addSection: (section: SummarySection): void =>
      void sections.set(section.id, { ...section, component: markRaw(section.component) }),
    tabsFor: (resource: ResourceRef): DetailTab[] =>
      [...tabs.values()].filter((tab) => tab.applies?.(resource) ?? true).sort((a, b) => a.order - b.order),
    summaryFor: (resource: ResourceRef): Component | undefined => summaries.get(kindId(resource)),
    sectionsFor: (resource: ResourceRef, place: SummarySection['place']): SummarySection[] =>
      [...sections.values()].filter((section) => section.place === place && section.applies(resource)),
  }
})
