import { computed, onScopeDispose, ref, watch, type ComputedRef, type WritableComputedRef } from 'vue'
import { useNavigation } from '../../app/navigation.ts'
import type { QueryFilter, QuerySort, Tone } from '#shared/ipc/queries.ts'

const allTones: readonly string[] = ['ok', 'busy', 'warn', 'bad', 'off']

export interface TableFilters {
  text: WritableComputedRef<string>
  faultsOnly: WritableComputedRef<boolean>
  tones: WritableComputedRef<readonly Tone[]>
  sort: WritableComputedRef<QuerySort | undefined>
  filter: ComputedRef<Partial<QueryFilter>>
  /** Something is narrowing the table. */
  active: ComputedRef<boolean>
  clear(): void
}

/** `web -l app=shop,tier!=cache`: words, and a label selector behind -l as in kubectl and k9s. */
export function splitFilter(line: string): { text: string; labels: string } {
  const found = /(?:^|\s)-l\s*(.*)$/.exec(line)
  return found ? { text: line.slice(0, found.index).trim(), labels: found[1]!.trim() } : { text: line, labels: '' }
}

/** Milliseconds after the last keystroke at which the words go to the address. */
const rest = 250

/** The words of the filter: the table follows each keystroke at once, the address once the keys come to rest. */
function useTypedText(): WritableComputedRef<string> {
  const navigation = useNavigation()
  /** What the address does not say yet. */
  const typed = ref<string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  const settle = (): void => {
    clearTimeout(timer)
    typed.value = undefined
  }
  // Another page has words of its own.
  watch(() => navigation.route?.path, settle)
  onScopeDispose(settle)
  return computed({
    get: () => typed.value ?? navigation.queryWord('q'),
    set(value) {
      clearTimeout(timer)
      typed.value = value
      timer = setTimeout(async () => {
        await navigation.setQuery({ q: value || undefined })
        if (typed.value === value) typed.value = undefined
      }, rest)
    },
  })
}

/** What narrows and orders the table lives in the address: it can be gone back to, and survives a reload. */
export function useTableFilters(): TableFilters {
  const navigation = useNavigation()
  const text = useTypedText()
  const faultsOnly = computed({
    get: () => navigation.queryWord('faults') === '1',
    set: (value: boolean) => void navigation.setQuery({ faults: value ? '1' : undefined }),
  })
  const tones = computed({
    get: () =>
      navigation
        .queryWord('tones')
        .split(',')
        .filter((tone): tone is Tone => allTones.includes(tone)),
    set: (value: readonly Tone[]) => void navigation.setQuery({ tones: value.join(',') || undefined }),
  })
  const sort = computed({
    get: (): QuerySort | undefined => {
      const column = navigation.queryWord('sort')
      return column ? { column: column.replace(/^-/, ''), descending: column.startsWith('-') } : undefined
    },
    set: (value: QuerySort | undefined) =>
      void navigation.setQuery({ sort: value && `${value.descending ? '-' : ''}${value.column}` }),
  })
  const filter = computed(() => ({ ...splitFilter(text.value), faultsOnly: faultsOnly.value, tones: [...tones.value] }))
  return {
    text,
    faultsOnly,
    tones,
    sort,
    filter,
    active: computed(() => Boolean(text.value || faultsOnly.value || tones.value.length)),
    clear() {
      text.value = ''
      void navigation.setQuery({ q: undefined, faults: undefined, tones: undefined })
    },
  }
}
