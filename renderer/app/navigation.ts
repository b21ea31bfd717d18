import { defineStore } from 'pinia'
import { computed, markRaw, shallowRef } from 'vue'
import type { LocationQueryRaw, RouteLocationNormalizedLoaded, Router } from 'vue-router'
import type { ObjectTarget } from './target.ts'
import { kindId, refOf } from '../data/kinds.ts'
import { useWorkspace } from './workspace.ts'

const first = (value: unknown): string | undefined =>
  typeof value === 'string' ? value : Array.isArray(value) && typeof value[0] === 'string' ? value[0] : undefined

/** `pods/default/web-1`, `nodes//n1`: an object of the current context in the address. */
export const objectAddress = (target: Pick<ObjectTarget, 'resource' | 'namespace' | 'name'>): string =>
  [kindId(target.resource), target.namespace ?? '', target.name].join('/')

/** The address says all of what is on the screen, so back, forward and reload do what one expects. */
export const useNavigation = defineStore('navigation', () => {
  const routerRef = shallowRef<Router>()
  const workspace = useWorkspace()
  /** Asked before the drawer shows something else; answers false to stay. */
  const guard = shallowRef<(() => Promise<boolean>) | undefined>()

  const route = computed<RouteLocationNormalizedLoaded | undefined>(() => routerRef.value?.currentRoute.value)
  const query = computed(() => route.value?.query ?? {})
  const tab = computed(() => first(query.value['tab']))
  const openTarget = computed<ObjectTarget | undefined>(() => {
    const [id, namespace, ...rest] = first(query.value['o'])?.split('/') ?? []
    const context = workspace.currentId
    const resource = id && workspace.kind(id)
    if (!resource || !context || !rest.length) return undefined
    return { context, resource: refOf(resource), ...(namespace ? { namespace } : {}), name: rest.join('/') }
  })

  function attach(router: Router): void {
    routerRef.value = markRaw(router)
  }
  async function go(query_: LocationQueryRaw, replace: boolean): Promise<void> {
    const router = routerRef.value
    if (!router) return
    await router[replace ? 'replace' : 'push']({ path: router.currentRoute.value.path, query: query_ })
  }
  const mayLeave = async (): Promise<boolean> => (await guard.value?.()) ?? true

  async function toKind(id: string, extra: LocationQueryRaw = {}): Promise<void> {
    if (await mayLeave()) {
      await routerRef.value?.push({
        name: 'kind',
        params: { context: workspace.currentId ?? '', kind: id },
        query: extra,
      })
    }
  }
  async function toPage(name: string, words: Record<string, string> = {}): Promise<void> {
    const params = { context: workspace.currentId ?? '' }
    if (await mayLeave()) await routerRef.value?.push({ name, params, query: words })
  }
  async function toContext(context: string): Promise<void> {
    const now = route.value
    const name = now?.name === 'kind' ? 'kind' : 'overview'
    const params = name === 'kind' ? { context, kind: now?.params['kind'] as string } : { context }
    if (await mayLeave()) await routerRef.value?.push({ name, params })
  }
  /** `replace` while one only glances along a table, so that back leaves the table and not each glance. */
  async function openObject(
    target: ObjectTarget,
    options: { tab?: string; edit?: boolean; replace?: boolean } = {},
  ): Promise<void> {
    const o = objectAddress(target)
    if (o !== first(query.value['o']) && !(await mayLeave())) return
    const { tab: _, edit: __, ...rest } = query.value
    const keptTab = options.tab ?? (options.replace ? tab.value : undefined)
    await go(
      { ...rest, o, ...(keptTab ? { tab: keptTab } : {}), ...(options.edit ? { edit: '1' } : {}) },
      options.replace ?? false,
    )
  }
  async function closeObject(): Promise<void> {
    if (!(await mayLeave())) return
    const { o: _, tab: __, edit: ___, ...rest } = query.value
    await go(rest, false)
  }
  async function setTab(id: string): Promise<void> {
    if (id === tab.value || !(await mayLeave())) return
    const { edit: _, ...rest } = query.value
    await go({ ...rest, tab: id }, true)
  }
  /** Changes some of the query of this page; undefined takes it out. */
  const setQuery = (some: Record<string, string | undefined>): Promise<void> => {
    const merged = { ...query.value, ...some }
    return go(
      Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined && value !== '')),
      true,
    )
  }
  const queryWord = (name: string): string => first(query.value[name]) ?? ''

  return {
    route,
    tab,
    openTarget,
    guard,
    attach,
    toKind,
    toPage,
    toContext,
    openObject,
    closeObject,
    setTab,
    setQuery,
    queryWord,
    back: (): void => routerRef.value?.back(),
    forward: (): void => routerRef.value?.forward(),
  }
})
