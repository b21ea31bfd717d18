import { defineStore } from 'pinia'
import { computed, markRaw, shallowReactive, shallowRef } from 'vue'
import type { ConnectionState, ContextInfo, ResourceInfo } from '#shared/ipc/contexts.ts'
import type { BuiltinStatus, Settings } from '#shared/ipc/hosts.ts'
import type { Channel } from '../data/channel.ts'
import { isCancelled } from '../data/errors.ts'
import { findKind, presumedKinds } from '../data/kinds.ts'
import type { KubectlTarget } from '../data/kubectl.ts'
import { themeChoice } from './theme.ts'
import type { ObjectTarget } from './target.ts'

export type ContextEntry = ContextInfo & { connection: ConnectionState }

/** The id under which the workbench lists the cluster inside. */
export const builtinId = 'builtin'

const defaults: Settings = { theme: 'system', welcomed: true, namespaces: {}, protected: [] }

/** Where one is: the context and its namespaces, what kinds it has, and the settings that outlive the page. */
export const useWorkspace = defineStore('workspace', () => {
  const channelRef = shallowRef<Channel>()
  const contexts = shallowRef<readonly ContextEntry[]>()
  const settings = shallowRef<Settings>(defaults)
  const settingsLoaded = shallowRef(false)
  const builtin = shallowRef<BuiltinStatus>()
  const currentId = shallowRef<string>()
  /** The context that was live since it was entered: what is on the screen is its own, if perhaps old. */
  const answered = shallowRef<string>()
  const discovered = shallowReactive(new Map<string, readonly ResourceInfo[]>())

  const current = computed(() => contexts.value?.find((context) => context.id === currentId.value))
  const kinds = computed(() => discovered.get(currentId.value ?? '') ?? presumedKinds)
  /** Changes are refused there at present. */
  const isLocked = (id: string): boolean => {
    const protection = contexts.value?.find((one) => one.id === id)?.protection
    return protection !== undefined && protection.unlockedUntil === undefined
  }
  /** Empty: all. */
  const namespaces = computed<readonly string[]>(() => settings.value.namespaces[currentId.value ?? ''] ?? [])

  function channel(): Channel {
    if (!channelRef.value) throw new Error('the workspace has no channel yet')
    return channelRef.value
  }

  async function attach(opened: Channel): Promise<void> {
    channelRef.value = markRaw(opened)
    opened.open('contexts.watch', () => ({}), {
      message: (message) => {
        const before: string | undefined = current.value?.connection.state
        contexts.value = message.contexts
        const id = currentId.value
        const now = current.value?.connection.state
        if (now === 'live') answered.value = id
        // The built-in cluster appears, idle, whenever it was started.
        if (id && now === 'idle') void connect(id)
        else if (id && now === 'live' && before !== 'live') void discover(id)
      },
    })
    opened.open('builtin.watch', () => ({}), { message: (status) => (builtin.value = status) })
    settings.value = await opened.request('settings.get', {})
    themeChoice.value = settings.value.theme
    settingsLoaded.value = true
  }

  async function discover(id: string): Promise<void> {
    try {
      discovered.set(id, await channel().request('contexts.resources', { context: id }))
    } catch (error) {
      // The tables of the presumed kinds work without; the context's own state tells what is wrong.
      if (!isCancelled(error)) discovered.delete(id)
    }
  }

  /** Chooses a context and contacts it. */
  async function enter(id: string): Promise<void> {
    if (currentId.value === id) return
    currentId.value = id
    answered.value = current.value?.connection.state === 'live' ? id : undefined
    void change({ lastContext: id })
    await connect(id)
  }
  /** The outcome is the context's connection state, told by the workbench. */
  async function connect(id: string): Promise<void> {
    try {
      await channel().request('contexts.connect', { context: id })
      await discover(id)
    } catch {
      discovered.delete(id)
    }
  }

  async function change(some: Partial<Settings>): Promise<void> {
    settings.value = { ...settings.value, ...some }
    if (some.theme) themeChoice.value = some.theme
    settings.value = await channel().request('settings.set', some)
  }
  function setNamespaces(chosen: readonly string[]): void {
    const id = currentId.value
    if (id) void change({ namespaces: { ...settings.value.namespaces, [id]: [...chosen] } })
  }

  /** The words that make kubectl speak to this context. */
  function kubectlWords(id: string): string[] {
    const context = contexts.value?.find((one) => one.id === id)
    // The built-in cluster's own file holds nothing else, so its only context needs no name.
    if (context?.builtin && builtin.value?.kubeconfig) return ['--kubeconfig', builtin.value.kubeconfig]
    const file = context?.builtin ? undefined : context?.source
    const isDefault = file === undefined || /(^|[\\/])\.kube[\\/]config$/.test(file)
    return [...(isDefault ? [] : ['--kubeconfig', file]), '--context', context?.name ?? id]
  }
  const kubectlTarget = (target: ObjectTarget): KubectlTarget => ({
    cluster: kubectlWords(target.context),
    resource: target.resource,
    namespace: target.namespace,
    name: target.name,
  })
  const kind = (word: string): ResourceInfo | undefined => findKind(kinds.value, word)
  /** Where something new goes when nothing says otherwise. */
  const defaultNamespace = computed(() =>
    namespaces.value.length === 1 ? namespaces.value[0]! : (current.value?.namespace ?? 'default'),
  )

  return {
    contexts,
    settings,
    settingsLoaded,
    builtin,
    currentId,
    answered,
    current,
    isLocked,
    kinds,
    namespaces,
    defaultNamespace,
    channel,
    attach,
    enter,
    connect,
    discover,
    change,
    setNamespaces,
    kubectlWords,
    kubectlTarget,
    kind,
  }
})
