import { computed, h, type VNode } from 'vue'
import { t } from '../../app/i18n.ts'
import { useNavigation } from '../../app/navigation.ts'
import { useWorkspace } from '../../app/workspace.ts'
import { readableBytes } from '../../data/bytes.ts'
import { kindOfReference, refOf } from '../../data/kinds.ts'
import { longTime, shortDuration } from '../../ui/age.ts'
import { meter } from '../../ui/Meter.ts'
import { statusMark } from '../../ui/StatusMark.ts'
import type { CellView } from '../../ui/table.ts'
import { useNow } from '../../ui/useNow.ts'
import type { Row } from '#shared/ipc/queries.ts'
import type { ShownColumn } from './columns.ts'

/** What each cell of a kind's table shows. `markName`: no status column shows the tone. */
export function useCells(markName: () => boolean): (row: Row, column: ShownColumn) => CellView {
  const now = useNow()
  const link = useLinks()
  const marked = computed(markName)

  return (row, column) => {
    const cell = column.cell(row)
    const text = cell === null ? '' : String(cell)
    switch (column.kind) {
      case 'name':
        return name(row, text, marked.value)
      case 'status':
        return {
          content: [statusMark({ tone: row.tone, plain: row.tone === 'ok' || row.tone === 'off' }, text)],
          title: text,
        }
      case 'age':
        if (typeof cell !== 'number') return { content: text }
        return { content: shortDuration(now.value - cell), class: 'text-muted', title: longTime(cell) }
      case 'ratio':
        return ratio(row, text)
      case 'labels':
        return labels(text)
      case 'bytes':
        return { content: typeof cell === 'number' ? readableBytes(cell) : '' }
      case 'number':
        return { content: text, class: cell ? '' : 'text-faint' }
      default:
        return link(row, column, text) ?? plain(text)
    }
  }
}

const plain = (text: string): CellView => ({
  content: text,
  class: 'text-muted',
  ...(text.length > 16 ? { title: text } : {}),
})

function name(row: Row, text: string, marked: boolean): CellView {
  const title = text
  if (!marked || row.tone === 'off') return { content: text, class: 'font-medium', title }
  const mark = statusMark({ tone: row.tone, label: t(`app.tone.${row.tone}`) })
  return {
    content: [mark, h('span', { class: 'truncate font-medium' }, text)],
    class: 'flex items-center gap-1.5',
    title,
  }
}

function ratio(row: Row, text: string): CellView {
  const [have = 0, of = 0] = text.split('/').map(Number)
  const short = have < of
  const bar = (): VNode => meter({ parts: [{ tone: short ? row.tone : 'ok', value: have }], whole: of, thin: true })
  return {
    content: [
      h('span', { class: `min-w-8 ${short ? '' : 'text-muted'}` }, text),
      of > 1 && text.length < 7 ? h('span', { class: 'w-8' }, [bar()]) : undefined,
    ],
    class: 'flex items-center gap-2',
  }
}

const labels = (text: string): CellView => ({
  content: text
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
  class: 'flex gap-1',
  title: text,
})

/** Columns that name another object lead to it. */
function useLinks(): (row: Row, column: ShownColumn, text: string) => CellView | undefined {
  const workspace = useWorkspace()
  const navigation = useNavigation()

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
    const resource = kindOfReference(workspace.kinds, undefined, to.kind)
    const words = column.id === 'object' ? `${to.kind} ${to.name}` : to.name
    if (!resource) return { ...plain(words), title: text }
    const open = (event: Event): void => {
      event.stopPropagation()
      if (!workspace.currentId) return
      const where = resource.namespaced && row.namespace ? { namespace: row.namespace } : {}
      void navigation.openObject({ context: workspace.currentId, resource: refOf(resource), ...where, name: to.name })
    }
    const look = 'max-w-full truncate rounded-small align-bottom text-muted hover:text-accent hover:underline'
    return { content: [h('button', { type: 'button', tabindex: -1, class: look, onClick: open }, words)], title: text }
  }
}
