// @vitest-environment node
import { expect, it } from 'vitest'
import { keyLabels } from './keyLabels.ts'

it('names keys as the keyboard at hand does', () => {
  expect(keyLabels('mod+shift+k', true)).toEqual(['⌘', '⇧', 'K'])
  expect(keyLabels('mod+shift+k', false)).toEqual(['Ctrl', 'Shift', 'K'])
  expect(keyLabels('g p', false)).toEqual(['g', 'p'])
  expect(keyLabels('+', false)).toEqual(['+'])
})
