import { defineStore } from 'pinia'
import { markRaw, shallowRef, type Component } from 'vue'

interface OpenDialog {
  id: number
  component: Component
  props: Record<string, unknown>
}

/** The dialogs that are open, the topmost last. A dialog's component emits `close`. */
export const useDialogs = defineStore('dialogs', () => {
  const stack = shallowRef<readonly OpenDialog[]>([])
  let nextId = 1

  function open(component: Component, props: Record<string, unknown> = {}): void {
    stack.value = [...stack.value, { id: nextId++, component: markRaw(component), props }]
  }
  function close(id: number): void {
    stack.value = stack.value.filter((dialog) => dialog.id !== id)
  }
  return { stack, open, close }
})
