import { defineStore } from 'pinia'
import { ref } from 'vue'

/** Whether the palette is open, and with what already typed. */
export const usePalette = defineStore('palette', () => {
  const open = ref(false)
  const text = ref('')
  let next: (() => void) | undefined

  function show(start = ''): void {
    text.value = start
    open.value = true
  }
  /** Runs once the palette is gone: what it opens shall get the focus. */
  function choose(run: () => void): void {
    next = run
    open.value = false
  }
  function afterClose(): void {
    const run = next
    next = undefined
    if (run) setTimeout(run)
  }
  return { open, text, show, choose, afterClose, close: (): void => void (open.value = false) }
})
