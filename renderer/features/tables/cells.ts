import { computed, h, type VNode } from 'vue'
import { t } from '../../app/i18n.ts'
import { useNavigation } from '../../app/navigation.ts'
import { useWorkspace } from '../../app/workspace.ts'
import { readableBytes } from '../../data/bytes.ts'
import { kindOfReference, refOf } from '../../data/kinds.ts'
import { readableCores } from '../../data/quantities.ts'
import { longTime, shortDuration } from '../../ui/age.ts'
import { meter } from '../../ui/Meter.ts'
import { toneIcon } from '../../ui/StatusMark.ts'
import type { CellView } from '../../ui/table.ts'
import { textWidth } from '../../ui/textWidth.ts'
import { toneText } from '../../ui/tone.ts'
import { useNow } from '../../ui/useNow.ts'
import type { Cell, Row } from '#shared/ipc/queries.ts'
import type { ShownColumn } from './columns.ts'

/** What each cell of a kind's table shows. `markName`: no status column shows the tone. */
export function useCells(markName: () => boolean): (row: Row, column: ShownColumn) => CellView {
  const now = useNow()
  const link = useLinks()
  const marksName = computed(markName)

  return (row, column) => {
    const cell = column.cell(row)
    const text = cell === null ? '' : String(cell)
    switch (column.kind) {
      case 'name':
        return name(row, text, marksName.value)
      case 'status':
        return marked(row, text, row.tone === 'ok' || row.tone === 'off' ? '' : toneText[row.tone])
      case 'age':
        if (typeof cell !== 'number') return { text }
        return { text: shortDuration(now.value - cell), class: 'text-muted', title: longTime(cell) }
      case 'ratio':
        return ratio(row, text)
      case 'labels':
        return labels(text)
      case 'bytes':
      case 'cores':
        return column.bounds ? used(row, column, column.bounds) : { text: amount(column, cell) }
      case 'percent':
        return { text: cell === null ? '' : `${text} %` }
      case 'number':
        return { text, class: cell ? '' : 'text-faint' }
      default:
        return link(row, column, text) ?? plain(text)
    }
  }
}

const plain = (text: string): CellView => ({
  text,
  class: 'text-muted',
  ...(text.length > 16 ? { title: text } : {}),
})

/** The row's tone as a mark, and a word. */
const marked = (row: Row, text: string, look: string, label?: string): CellView => ({
  text,
  nodes: () => [toneIcon(row.tone, label, 'mr-1.5 inline-block align-[-1px]'), text],
  of: `${row.tone} ${text}`,
  width: 18 + textWidth(text),
  class: look,
  title: text,
})

const name = (row: Row, text: string, mark: boolean): CellView =>
  mark && row.tone !== 'off'
    ? marked(row, text, 'font-medium', t(`app.tone.${row.tone}`))
    : { text, class: 'font-medium', title: text }

function ratio(row: Row, text: string): CellView {
  const [have = 0, of = 0] = text.split('/').map(Number)
  const short = have < of
  const barred = of > 1 && text.length < 7
  const bar = (): VNode => meter({ parts: [{ tone: short ? row.tone : 'ok', value: have }], whole: of, thin: true })
  return {
    text,
    nodes: () => [
      h('span', { class: `min-w-8 ${short ? '' : 'text-muted'}` }, text),
      barred ? h('span', { class: 'w-8' }, [bar()]) : undefined,
    ],
    of: `${row.tone} ${text}`,
    width: Math.max(32, textWidth(text)) + (barred ? 40 : 0),
    class: 'flex items-center gap-2',
  }
}

const amount = ({ kind }: ShownColumn, cell: Cell): string =>
  typeof cell !== 'number' ? '' : kind === 'bytes' ? readableBytes(cell) : readableCores(cell)

/** What is used, beside a bar of what it is held to: the limit, else what was asked for. */
function used(row: Row, column: ShownColumn, bounds: NonNullable<ShownColumn['bounds']>): CellView {
  const cell = column.cell(row)
  if (typeof cell !== 'number') return { text: '' }
  const text = amount(column, cell)
  const known = bounds.flatMap(({ id, cell: boundOf }) => {
    const bound = boundOf(row)
    return typeof bound === 'number' && bound > 0 ? [{ id, bound }] : []
  })
  const [first] = known
  const tone = first && first.id !== 'request' && cell >= first.bound * 0.9 ? 'warn' : 'ok'
  const bar = (): VNode => meter({ parts: [{ tone, value: cell }], whole: first!.bound, thin: true })
  const words = known.map(({ id, bound }) =>
    t(`tables.share.${id}`, { percent: Math.round((cell / bound) * 100), amount: amount(column, bound) }),
  )
  return {
    text,
    nodes: () => [
      h('span', { class: 'w-14 text-right' }, text),
      first ? h('span', { class: 'w-8' }, [bar()]) : undefined,
    ],
    of: `${tone} ${cell} ${first?.bound}`,
    width: first ? 96 : 56,
    class: 'flex items-center gap-2',
    title: [text, ...words].join(', '),
  }
}

const labels = (text: string): CellView => ({
  text,
  nodes: () =>
    text
      .split(/,\s*/)
      .filter(Boolean)
      .slice(0, 6)
      .map((label) =>
        h(
          'span',
          { key: label, class: 'shrink-0 rounded-small bg-press px-1 text-tiny leading-[18px] text-muted' },
          label,
        ),
      ),
  width: Infinity,
  class: 'flex items-center gap-1',
  title: text,
})

const linkLook = 'cursor-default rounded-small text-muted hover:text-accent hover:underline'

/** Columns that name another object lead to it. */
function useLinks(): (row: Row, column: ShownColumn, text: string) => CellView | undefined {
  const workspace = useWorkspace()
  const navigation = useNavigation()
  const kinds = computed(() => new Set(workspace.kinds.map(({ kind }) => kind)))

  function reference({ id }: ShownColumn, text: string): { kind: string; name: string } | undefined {
    if (!text) return undefined
    if (id === 'node') return { kind: 'Node', name: text }
    if (id !== 'owner' && id !== 'object') return undefined
    const slash = text.indexOf('/')
    return slash > 0 ? { kind: text.slice(0, slash), name: text.slice(slash + 1) } : undefined
  }
  return (row, column, text) => {
    const to = reference(column, text)
    if (!to) return undefined
    const words = column.id === 'object' ? `${to.kind} ${to.name}` : to.name
    if (!kinds.value.has(to.kind)) return { ...plain(words), title: text }
    const open = (event: Event): void => {
      event.stopPropagation()
      const resource = kindOfReference(workspace.kinds, undefined, to.kind)
      if (!workspace.currentId || !resource) return
      const where = resource.namespaced && row.namespace ? { namespace: row.namespace } : {}
      void navigation.openObject({ context: workspace.currentId, resource: refOf(resource), ...where, name: to.name })
    }
    return {
      // Not a button: each of those has a box of its own inside, and a table has two for every row.
      text: words,
      nodes: () => [h('span', { role: 'link', tabindex: -1, class: linkLook, onClick: open }, [words])],
      of: `${row.namespace} ${text}`,
      title: text,
    }
  }
}
