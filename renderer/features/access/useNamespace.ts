import { computed, type ComputedRef, type WritableComputedRef } from 'vue'
import { t } from '../../app/i18n.ts'
import { useNavigation } from '../../app/navigation.ts'
import { useWorkspace } from '../../app/workspace.ts'
import { refOf } from '../../data/kinds.ts'
import { useQuery } from '../../data/useQuery.ts'
import { namespaces } from '#shared/kube/resources.ts'

/** In the address: all of them, though only one is shown elsewhere. */
const all = '*'

/** The namespace that is asked about, '' for all: that of the address, else the one that tables are narrowed to. */
export function useNamespace(): {
  namespace: WritableComputedRef<string>
  choices: ComputedRef<{ value: string; text: string }[]>
} {
  const workspace = useWorkspace()
  const navigation = useNavigation()
  const query = useQuery(
    () => (workspace.currentId ? { context: workspace.currentId, resource: refOf(namespaces) } : undefined),
    500,
  )
  const usual = computed(() => (workspace.namespaces.length === 1 ? workspace.namespaces[0]! : ''))
  const namespace = computed({
    get: () => {
      const word = navigation.queryWord('ns')
      return word === all ? '' : word || usual.value
    },
    set: (value) => void navigation.setQuery({ ns: value || all }),
  })
  const choices = computed(() => [
    { value: '', text: t('access.allNamespaces') },
    ...query.rows.value.map(({ name }) => ({ value: name, text: name })),
  ])
  return { namespace, choices }
}

/** Source: apimachinery/pkg/util/validation, DNS labels. */
export const isNamespaceName = (text: string): boolean => /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)
