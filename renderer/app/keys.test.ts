import { describe, expect, it } from 'vitest'
import { chordOf, createSequence, mayTake, placeOf } from './keys.ts'

const press = (key: string, held: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey', boolean>> = {}) => ({
  key,
  code: '',
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...held,
})

describe('a chord', () => {
  it('has mod for Ctrl on a PC and for Command on a Mac', () => {
    expect(chordOf(press('k', { ctrlKey: true }), false)).toBe('mod+k')
    expect(chordOf(press('k', { metaKey: true }), true)).toBe('mod+k')
    expect(chordOf(press('d', { ctrlKey: true }), true)).toBe('ctrl+d')
  })
  it('names shift with letters and named keys, but not with signs, which differ by keyboard', () => {
    expect(chordOf(press('G', { shiftKey: true }), false)).toBe('shift+g')
    expect(chordOf(press('ArrowDown', { shiftKey: true }), false)).toBe('shift+arrowdown')
    expect(chordOf(press('?', { shiftKey: true }), false)).toBe('?')
    expect(chordOf(press(':', { shiftKey: true }), false)).toBe(':')
  })
  it('is none for a modifier alone', () => {
    expect(chordOf(press('Shift', { shiftKey: true }), false)).toBeUndefined()
  })
})

describe('a place', () => {
  const place = (html: string, selector: string) => {
    document.body.innerHTML = html
    return placeOf(document.querySelector(selector))
  }
  it('is a field where text is typed, and not on a check box', () => {
    expect(place('<input type="text">', 'input')).toBe('field')
    expect(place('<input type="checkbox">', 'input')).toBe('control')
  })
  it('belongs to a terminal, dialog or menu with every key', () => {
    expect(place('<div data-keys="own"><textarea></textarea></div>', 'textarea')).toBe('own')
    expect(place('<div role="dialog"><button></button></div>', 'button')).toBe('own')
  })
  it('belongs to the dialog in the way also when focus has fallen to the page', () => {
    expect(place('<div role="dialog"></div>', 'body')).toBe('own')
    expect(place('<main></main>', 'body')).toBe('free')
  })
  it('is free in a table, also on its links', () => {
    expect(place('<div role="grid"><button></button></div>', 'button')).toBe('free')
  })
  it('leaves Enter and Space to a button, and letters to commands', () => {
    expect(mayTake('control', 'enter', false, false)).toBe(false)
    expect(mayTake('control', 'j', false, false)).toBe(true)
    expect(mayTake('field', 'j', false, false)).toBe(false)
    expect(mayTake('field', 'mod+k', true, false)).toBe(true)
    expect(mayTake('own', 'mod+j', false, true)).toBe(true)
  })
})

it('recognises two keys in a row, and only while they follow one another', () => {
  const sequence = createSequence(900)
  expect(sequence('g', 0)).toEqual(['g'])
  expect(sequence('p', 500)).toEqual(['g p', 'p'])
  expect(sequence('d', 5000)).toEqual(['d'])
})
