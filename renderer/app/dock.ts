import { useLocalStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { computed, markRaw, ref, shallowRef, type Component } from 'vue'

export interface DockTab {
  id: string
  title: string
  icon: Component
  component: Component
  props: Record<string, unknown>
}

/** The dock at the foot: logs, terminals and whatever else runs along while one works. */
export const useDock = defineStore('dock', () => {
  const tabs = shallowRef<readonly DockTab[]>([])
  const active = ref<string>()
  const open = ref(false)
  const full = ref(false)
  const height = useLocalStorage('wheelhouse.dock.height', 300)

  /** A tab that is there already comes to the front. */
  function add(tab: DockTab): void {
    if (!tabs.value.some((one) => one.id === tab.id)) {
      tabs.value = [...tabs.value, { ...tab, component: markRaw(tab.component), icon: markRaw(tab.icon) }]
    }
    active.value = tab.id
    open.value = true
  }
  function close(id: string): void {
    const index = tabs.value.findIndex((tab) => tab.id === id)
    tabs.value = tabs.value.filter((tab) => tab.id !== id)
    if (active.value === id) active.value = (tabs.value[index] ?? tabs.value[index - 1])?.id
    if (tabs.value.length === 0) open.value = full.value = false
  }
  function toggle(): void {
    if (tabs.value.length) open.value = !open.value
  }
  function step(by: 1 | -1): void {
    const count = tabs.value.length
    if (!count) return
    const index = tabs.value.findIndex((tab) => tab.id === active.value)
    active.value = tabs.value[(index + by + count) % count]!.id
    open.value = true
  }
  return { tabs, active, open, full, height, count: computed(() => tabs.value.length), add, close, toggle, step }
})
