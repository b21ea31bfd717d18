import { mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { h } from 'vue'
import { lazy } from './lazy.ts'

it('asks again for a part that did not come', async () => {
  const part = { render: () => h('p', 'here') }
  const load = vi
    .fn<() => Promise<typeof part>>()
    .mockRejectedValueOnce(new TypeError('network'))
    .mockResolvedValue(part)
  const Part = lazy(load)
  const wrapper = mount({ render: () => h('div', h(Part)) })
  await vi.waitFor(() => expect(wrapper.text()).toBe('here'), 10_000)
  expect(load).toHaveBeenCalledTimes(2)
})
