import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { nextTick, type Component } from 'vue'
import DataTable from './DataTable.vue'
import type { CellView } from './table.ts'

interface Row {
  id: string
}
const columns = [
  { id: 'name', title: 'Name', width: 200, sortable: true, grows: true },
  { id: 'age', title: 'Age', width: 80 },
]

beforeEach(() => {
  // jsdom has no layout: every element says it is 500 pixels tall.
  vi.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(500)
  vi.stubGlobal(
    'ResizeObserver',
    class {
      readonly #callback: ResizeObserverCallback
      constructor(callback: ResizeObserverCallback) {
        this.#callback = callback
      }
      observe(target: Element): void {
        const contentRect = { width: 800, height: 500 } as DOMRectReadOnly
        this.#callback([{ target, contentRect } as ResizeObserverEntry], this as never)
      }
      unobserve(): void {}
      disconnect(): void {}
    },
  )
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

const table = (some: Record<string, unknown> = {}) =>
  mount(DataTable as unknown as Component, {
    props: {
      label: 'Pods',
      columns,
      count: 100_000,
      rowAt: (index: number): Row | undefined => ({ id: `row-${index}` }),
      keyOf: (row: Row) => row.id,
      cursor: -1,
      selected: new Set<string>(),
      cell: (row: Row, column: { id: string }): CellView => ({ text: column.id === 'name' ? row.id : '' }),
      selectLabel: 'Select row',
      ...some,
    },
    attachTo: document.body,
  })
const drawn = (wrapper: ReturnType<typeof table>) => wrapper.findAll('[role="row"][id]')

it('draws only the rows in view of a hundred thousand, and tells how many there are', async () => {
  const wrapper = table()
  await nextTick()
  expect(drawn(wrapper).length).toBeLessThan(60)
  expect(drawn(wrapper).length).toBeGreaterThan(10)
  expect(wrapper.find('[role="grid"]').attributes('aria-rowcount')).toBe('100001')
  wrapper.unmount()
})

it('shows a bar where a row is not here yet, and keeps its place', async () => {
  const wrapper = table({ rowAt: () => undefined })
  await nextTick()
  expect(drawn(wrapper)[0]!.text()).toBe('')
  expect(drawn(wrapper).length).toBeGreaterThan(10)
  wrapper.unmount()
})

it('names the row under the cursor to a screen reader, and marks selected ones', async () => {
  const wrapper = table({ cursor: 2, selected: new Set(['row-3']) })
  await nextTick()
  const active = wrapper.find('[role="grid"]').attributes('aria-activedescendant')
  expect(wrapper.find(`[id="${active}"]`).text()).toContain('row-2')
  expect(
    drawn(wrapper)
      .filter((row) => row.attributes('aria-selected') === 'true')
      .map((row) => row.text()),
  ).toEqual(['row-3'])
  wrapper.unmount()
})

it('says which way it is sorted', () => {
  const wrapper = table({ sort: { column: 'name', descending: true } })
  const headers = wrapper.findAll('[role="columnheader"]')
  expect(headers.map((header) => header.attributes('aria-sort'))).toEqual(['descending', undefined])
  wrapper.unmount()
})

it('opens a row on a click, and selects it with Ctrl or Shift', async () => {
  const wrapper = table()
  await nextTick()
  const row = drawn(wrapper).find((one) => one.text() === 'row-1')!
  await row.trigger('click')
  await row.trigger('click', { ctrlKey: true })
  await row.trigger('click', { shiftKey: true })
  expect(wrapper.emitted('open')).toEqual([[1]])
  expect(wrapper.emitted('toggle')).toEqual([
    [1, false],
    [1, true],
  ])
  wrapper.unmount()
})

it('selects a row by its box, and leaves alone what is not here yet', async () => {
  const wrapper = table({
    rowAt: (index: number): Row | undefined => (index === 2 ? undefined : { id: `row-${index}` }),
  })
  await nextTick()
  const box = (index: number) => wrapper.find(`[aria-rowindex="${index + 2}"] [data-box]`)
  await box(1).trigger('click')
  await box(2).trigger('click')
  await box(3).trigger('click', { shiftKey: true })
  expect(wrapper.emitted('toggle')).toEqual([
    [1, false],
    [3, true],
  ])
  expect(wrapper.emitted('open')).toBeUndefined()
  await wrapper.setProps({ selected: new Set(['row-1']) })
  expect(wrapper.findAll<HTMLInputElement>('input:checked')).toHaveLength(1)
  wrapper.unmount()
})

it('keeps its row elements when a filter leaves few rows, and shows them again when more match', async () => {
  const wrapper = table()
  await nextTick()
  const before = wrapper.findAll('[role="grid"] > [role="presentation"] > div').map(({ element }) => element)
  await wrapper.setProps({ count: 3 })
  expect(drawn(wrapper).map((row) => row.text())).toEqual(['row-0', 'row-1', 'row-2'])
  await wrapper.setProps({ count: 100_000 })
  expect(drawn(wrapper).map(({ element }) => element)).toEqual(before)
  wrapper.unmount()
})
