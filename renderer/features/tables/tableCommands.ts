import { t } from '../../app/i18n.ts'
import type { Command } from '../../app/commands.ts'
import type { RowCursor } from './useRows.ts'

interface TableHands {
  cursor: RowCursor
  count(): number
  pageSize(): number
  move(index: number): void
  open(): void
  focusFilter(): void
}

/** The keys of a table, those of vi and k9s beside the arrows. */
export function tableCommands({ cursor, count, pageSize, move, open, focusFilter }: TableHands): Command[] {
  const at = (): number => cursor.index.value
  const some = (): boolean => count() > 0
  const key = (id: string, keys: readonly string[], run: () => void, when: () => boolean = some): Command => ({
    id: `table.${id}`,
    title: t(`tables.${id}`),
    section: t('tables.section'),
    keys,
    keyOnly: true,
    when,
    run,
  })
  const extend = (by: 1 | -1) => () => {
    const to = at() + by
    if (to < 0 || to >= count()) return
    if (!cursor.selected.size && at() >= 0) cursor.toggle(at(), false)
    cursor.toggle(to, true)
    move(to)
  }
  return [
    key('moveDown', ['j', 'arrowdown'], () => move(at() + 1)),
    key('moveUp', ['k', 'arrowup'], () => move(Math.max(0, at() - 1))),
    key('pageDown', ['pagedown'], () => move(at() + pageSize())),
    key('pageUp', ['pageup'], () => move(at() - pageSize())),
    key('top', ['g g', 'home'], () => move(0)),
    key('bottom', ['shift+g', 'end'], () => move(count() - 1)),
    key('open', ['enter', 'd'], open, () => at() >= 0),
    key(
      'select',
      ['space'],
      () => {
        cursor.toggle(at(), false)
        if (at() < count() - 1) move(at() + 1)
      },
      () => at() >= 0,
    ),
    key('extendDown', ['shift+arrowdown', 'shift+j'], extend(1)),
    key('extendUp', ['shift+arrowup', 'shift+k'], extend(-1)),
    key('selectAll', ['mod+a'], () => cursor.selectReach()),
    key(
      'clearSelection',
      ['escape'],
      () => cursor.clear(),
      () => cursor.selected.size > 0,
    ),
    { ...key('focusFilter', ['/', 'mod+f'], focusFilter, () => true), keyOnly: false },
  ]
}
