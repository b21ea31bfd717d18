import { computed, effectScope, ref, watch } from 'vue'
import { usePreferredDark } from '@vueuse/core'

export type ThemeChoice = 'system' | 'light' | 'dark'

const storageKey = 'wheelhouse.theme'
const asChoice = (value: string | null): ThemeChoice => (value === 'light' || value === 'dark' ? value : 'system')

/** Kept in local storage too, so that the first frame already has the right colours. */
export const themeChoice = ref<ThemeChoice>(asChoice(globalThis.localStorage?.getItem(storageKey) ?? null))

const scope = effectScope(true)
/** What is on the screen. */
export const theme = scope.run(() => {
  const dark = usePreferredDark()
  return computed<'light' | 'dark'>(() =>
    themeChoice.value === 'system' ? (dark.value ? 'dark' : 'light') : themeChoice.value,
  )
})!

export function applyTheme(page: Document): void {
  scope.run(() =>
    watch(
      themeChoice,
      (choice) => {
        if (choice === 'system') delete page.documentElement.dataset['theme']
        else page.documentElement.dataset['theme'] = choice
        localStorage.setItem(storageKey, choice)
      },
      { immediate: true },
    ),
  )
}
