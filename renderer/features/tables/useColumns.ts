import { useLocalStorage } from '@vueuse/core'
import { computed, type ComputedRef } from 'vue'
import { t } from '../../app/i18n.ts'
import type { MenuEntry } from '../../ui/menu.ts'
import { kindId } from '../../data/kinds.ts'
import type { ResourceInfo } from '#shared/ipc/contexts.ts'
import type { ColumnInfo } from '#shared/ipc/queries.ts'
import { applyChoice, shownColumns, type ColumnChoice, type ShownColumn } from './columns.ts'

export interface Columns {
  shown: ComputedRef<readonly ShownColumn[]>
  entries: ComputedRef<readonly MenuEntry[]>
  resize(id: string, width: number): void
}

/** The columns of a kind as the person at this machine wants them. */
export function useColumns(
  kind: () => ResourceInfo | undefined,
  infos: () => readonly ColumnInfo[],
  oneNamespace: () => boolean,
): Columns {
  const choices = useLocalStorage<Record<string, ColumnChoice>>('wheelhouse.columns', {})
  const id = computed(() => (kind() ? kindId(kind()!) : ''))
  const choice = computed(() => choices.value[id.value] ?? {})
  // Each answer is another state, and its columns are nearly always the same.
  const known = computed(infos)
  const all = computed(() => shownColumns(known.value, kind()?.namespaced ?? false))
  const shown = computed(() => applyChoice(all.value, choice.value, oneNamespace()))
  const change = (some: ColumnChoice): void => {
    choices.value = { ...choices.value, [id.value]: { ...choice.value, ...some } }
  }
  const entries = computed<MenuEntry[]>(() => [
    { kind: 'heading', text: t('tables.columns') },
    ...all.value
      .filter((column) => column.id !== 'name' || column.extra)
      .map((column): MenuEntry => {
        const checked = shown.value.some((one) => one.id === column.id)
        return {
          text: column.title,
          checked,
          sticky: true,
          run: () => change({ shown: { ...choice.value.shown, [column.id]: !checked } }),
        }
      }),
    { kind: 'separator' },
    {
      text: t('tables.resetColumns'),
      run: () => {
        const { [id.value]: _, ...rest } = choices.value
        choices.value = rest
      },
    },
  ])
  return { shown, entries, resize: (column, width) => change({ widths: { ...choice.value.widths, [column]: width } }) }
}
