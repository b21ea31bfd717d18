import { defineStore } from 'pinia'
import { computed, shallowReactive, shallowRef, type Component } from 'vue'
import type { ResourceRef } from '#shared/ipc/queries.ts'
import { useCommands } from './commands.ts'
import { t } from './i18n.ts'
import { useNavigation } from './navigation.ts'
import { useNotices } from './notices.ts'
import { useProtection } from './protection.ts'
import type { ObjectTarget } from './target.ts'
import { useWorkspace } from './workspace.ts'

export interface ObjectAction {
  id: string
  title: string
  icon: Component
  keys?: readonly string[]
  /** Where it stands in menus, top to bottom. */
  group: 'look' | 'do' | 'change' | 'remove'
  /** It can be done to several at once. */
  many?: boolean
  applies(resource: ResourceRef): boolean
  run(targets: readonly ObjectTarget[]): void | Promise<void>
}

const groups = ['look', 'do', 'change', 'remove'] as const

/** What can be done to objects. Menus, the palette, keys and the drawer all read this one list. */
export const useActions = defineStore('actions', () => {
  const actions = shallowReactive(new Map<string, ObjectAction>())
  const navigation = useNavigation()
  const workspace = useWorkspace()
  const { unlock } = useProtection()
  const selection = shallowRef<readonly ObjectTarget[]>([])
  const cursor = shallowRef<ObjectTarget>()
  /** What keys and the palette act on: the selected rows, else the object in the drawer, else the row under the cursor. */
  const targets = computed<readonly ObjectTarget[]>(() => {
    if (selection.value.length) return selection.value
    const one = navigation.openTarget ?? cursor.value
    return one ? [one] : []
  })

  function forTargets(some: readonly ObjectTarget[]): ObjectAction[] {
    const resource = some[0]?.resource
    if (!resource) return []
    return [...actions.values()]
      .filter((action) => action.applies(resource) && (some.length === 1 || action.many === true))
      .sort((a, b) => groups.indexOf(a.group) - groups.indexOf(b.group))
  }
  async function run(action: ObjectAction, some: readonly ObjectTarget[]): Promise<void> {
    const context = some[0]?.context
    // Whoever wants to change something that is protected is asked first, and need not say it again.
    if (context && (action.group === 'change' || action.group === 'remove') && workspace.isLocked(context))
      return unlock(context, () => void run(action, some))
    try {
      await action.run(some)
    } catch (error) {
      useNotices().fail(error)
    }
  }
  function register(added: readonly ObjectAction[]): void {
    for (const action of added) actions.set(action.id, action)
    useCommands().register(
      added.map((action) => ({
        id: `action.${action.id}`,
        title: action.title,
        section: t('app.selection'),
        icon: action.icon,
        ...(action.keys ? { keys: action.keys } : {}),
        when: () => forTargets(targets.value).includes(action),
        run: () => void run(action, targets.value),
      })),
    )
  }
  /** As a button elsewhere does it: by the action's id. */
  function runById(id: string, target: ObjectTarget): void {
    const action = actions.get(id)
    if (action?.applies(target.resource)) void run(action, [target])
  }
  return {
    targets,
    selection,
    cursor,
    available: computed(() => forTargets(targets.value)),
    forTargets,
    run,
    runById,
    register,
  }
})
