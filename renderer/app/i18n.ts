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

/** Usable in templates and outside of components alike; follows the language. */
export const t = (key: string, named: Record<string, unknown> = {}): string => translate(key, named)

/** The form for a number: `count` is in the message as `{count}`. */
export const tn = (key: string, count: number, named: Record<string, unknown> = {}): string =>
  translate(key, { count: formatCount(count), ...named }, count)

export const addMessages = (feature: string, messages: Record<string, unknown>): void =>
  i18n.global.mergeLocaleMessage('en', { [feature]: messages })

const grouped = new Intl.NumberFormat('en')
export const formatCount = (count: number): string => grouped.format(count)
