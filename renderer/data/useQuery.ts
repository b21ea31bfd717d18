import {
  computed,
  onScopeDispose,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type MaybeRefOrGetter,
  type ShallowRef,
} from 'vue'
import type { StreamParams } from '#shared/ipc/contract.ts'
import type { Freshness, QueryFilter, QuerySort, ResourceRef, Row } from '#shared/ipc/queries.ts'
import type { Conversation } from './channel.ts'
import { applyMessage, emptyQuery, rowAt, windowFor, type QueryState, type Window } from './queryWindow.ts'
import { useChannel } from './useChannel.ts'

export interface QueryInput {
  context: string
  resource: ResourceRef
  namespaces?: readonly string[]
  filter?: Partial<QueryFilter>
  sort?: QuerySort | undefined
  fieldSelector?: string | undefined
  labelSelector?: string | undefined
  ownerUid?: string | undefined
}

export interface LiveQuery {
  readonly state: Readonly<ShallowRef<QueryState>>
  /** As the workbench says, or that the workbench itself is away. */
  readonly freshness: ComputedRef<Freshness>
  /** The rows of the window. */
  readonly rows: ComputedRef<Row[]>
  /** True from a change of filter, sort or namespaces to the answer to it. */
  readonly stale: Readonly<ShallowRef<boolean>>
  rowAt(index: number): Row | undefined
  /** Tells what is in view; the window follows, at most once a frame. After a change of filter or order it starts at the top. */
  show(first: number, last: number): void
  retry(): void
}

/** Why there are no rows: it may not be read, or could not be. */
export function refusalOf({ freshness }: LiveQuery): string | undefined {
  const { value } = freshness
  return value.state === 'forbidden' || value.state === 'failed' ? value.message : undefined
}

const fullFilter = (filter: Partial<QueryFilter> | undefined): QueryFilter => ({
  text: filter?.text ?? '',
  labels: filter?.labels ?? '',
  faultsOnly: filter?.faultsOnly ?? false,
  ...(filter?.tones?.length ? { tones: filter.tones } : {}),
})

/** What makes it another question rather than a change to the same one. */
const identity = (input: QueryInput): string =>
  JSON.stringify([input.context, input.resource, input.fieldSelector, input.labelSelector, input.ownerUid])

/**
 * A live, windowed query. While `input` is undefined nothing is asked. The rows of the last answer stay until those of
 * the next one are here, so nothing flickers.
 */
export function useQuery(input: MaybeRefOrGetter<QueryInput | undefined>, count = 120): LiveQuery {
  const channel = useChannel()
  const state = shallowRef<QueryState>(emptyQuery)
  const stale = shallowRef(false)
  let view: Window = { offset: 0, count }
  /** What the workbench told last. What answers an older question is remembered, for rows are told once, and not shown. */
  let told = emptyQuery
  let question = 0
  /** As many rows as were ever in view: what a new filter or order asks for first. */
  let visible = 0
  let conversation: Conversation<'query.open'> | undefined
  let frame = 0
  let rest: ReturnType<typeof setTimeout> | undefined
  let inView: [first: number, last: number] = [0, 0]

  const adjustable = (asked: QueryInput) => ({
    namespaces: [...(asked.namespaces ?? [])],
    filter: fullFilter(asked.filter),
    ...(asked.sort ? { sort: asked.sort } : {}),
  })
  const params = (asked: QueryInput): StreamParams<'query.open'> => ({
    context: asked.context,
    resource: asked.resource,
    ...adjustable(asked),
    window: view,
    question,
    ...(asked.fieldSelector ? { fieldSelector: asked.fieldSelector } : {}),
    ...(asked.labelSelector ? { labelSelector: asked.labelSelector } : {}),
    ...(asked.ownerUid ? { ownerUid: asked.ownerUid } : {}),
  })

  function stop(): void {
    conversation?.close()
    conversation = undefined
  }

  function start(asked: QueryInput): void {
    stop()
    stale.value = true
    let latest = asked
    conversation = channel.open('query.open', () => params((latest = toValue(input) ?? latest)), {
      message: (message) => {
        told = applyMessage(told, message)
        if (message.question !== question) return
        stale.value = false
        state.value = told
      },
      close: (error) => {
        conversation = undefined
        stale.value = false
        if (!error) return
        const { message, cure, code } = error
        const freshness: Freshness =
          code === 403 ? { state: 'forbidden', message } : { state: 'failed', message, ...(cure ? { cure } : {}) }
        state.value = told = { ...state.value, freshness, answered: true }
      },
    })
  }

  watch(
    () => {
      const asked = toValue(input)
      return asked && identity(asked)
    },
    () => {
      const asked = toValue(input)
      state.value = told = emptyQuery
      view = { offset: 0, count }
      if (asked) start(asked)
      else stop()
    },
    { immediate: true },
  )
  watch(
    () => {
      const asked = toValue(input)
      return asked && JSON.stringify(adjustable(asked))
    },
    () => {
      const asked = toValue(input)
      if (!asked || !conversation) return
      stale.value = true
      // Another order or filter is looked at from its top: what is in view is all that a keystroke waits for.
      view = { offset: 0, count: visible || count }
      conversation.send({ ...adjustable(asked), window: view, question: ++question })
    },
    // A keystroke's question is under way before anything is drawn for it.
    { flush: 'sync' },
  )
  onScopeDispose(() => {
    cancelAnimationFrame(frame)
    clearTimeout(rest)
    stop()
  })

  function follow(towards = 0): void {
    const next = windowFor(view, ...inView, state.value.matching, towards)
    if (!next) return
    view = next
    conversation?.send({ window: next })
  }

  return {
    state,
    stale,
    freshness: computed(() => {
      const link = channel.link.value
      return link.state === 'away' ? { state: 'reconnecting', since: link.since, message: '' } : state.value.freshness
    }),
    rows: computed(() => state.value.rows.filter((row) => row !== undefined)),
    rowAt: (index) => rowAt(state.value, index),
    show: (first, last) => {
      const scrolled = first !== inView[0] || last > view.offset + view.count
      const towards = first - inView[0]
      inView = [first, last]
      visible = Math.max(visible, last - first)
      clearTimeout(rest)
      // What lies beyond the view can wait until a person who types rests.
      rest = setTimeout(follow, 400)
      // At once, and what follows within the same frame with the next one.
      if (!scrolled || frame) return
      follow(towards)
      frame = requestAnimationFrame(() => {
        frame = 0
        follow(towards)
      })
    },
    retry: () => {
      const asked = toValue(input)
      if (asked) start(asked)
    },
  }
}
