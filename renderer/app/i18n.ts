import { computed } from 'vue'
import { createI18n } from 'vue-i18n'

/** Every sentence of the app goes through here. Each feature keeps its own in one messages.ts. */
export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messages: { en: {} as Record<string, never> },
})

/** The library's own type spells out every key there could be. */
const { t: translate } = i18n.global as unknown as {
  t(key: string, named: Record<string, unknown>, plural?: number): string
}

/** Sentences without a blank to fill, of the language that is spoken: most of a page, and looked up at each drawing of it. */
const fixed = computed(() => (i18n.global.locale.value, new Map<string, string>()))

/** Usable in templates and outside of components alike; follows the language. */
export function t(key: string, named?: Record<string, unknown>): string {
  if (named) return translate(key, named)
  let text = fixed.value.get(key)
  if (text === undefined) fixed.value.set(key, (text = translate(key, {})))
  return text
}

/** The form for a number: `count` is in the message as `{count}`. */
export const tn = (key: string, count: number, named: Record<string, unknown> = {}): string =>
  translate(key, { count: formatCount(count), ...named }, count)

export function addMessages(feature: string, messages: Record<string, unknown>): void {
  i18n.global.mergeLocaleMessage('en', { [feature]: messages })
  fixed.value.clear()
}

const grouped = new Intl.NumberFormat('en')
export const formatCount = (count: number): string => grouped.format(count)
