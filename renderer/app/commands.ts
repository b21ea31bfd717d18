import { defineStore } from 'pinia'
import { onScopeDispose, shallowReactive, type Component } from 'vue'
import { chordOf, createSequence, mayTake, placeOf } from './keys.ts'

/** Something a person can have done: by key, in the palette, or both. */
export interface Command {
  id: string
  title: string
  /** The heading it stands under in the palette and in the list of keys. */
  section: string
  /** Chords or sequences, see keys.ts. The first is shown. */
  keys?: readonly string[]
  icon?: Component
  /** A key only: listed in the help, not in the palette. */
  keyOnly?: boolean
  /** Its keys work in a text field too. */
  whileTyping?: boolean
  /** Its keys work even in a terminal or a dialog. */
  everywhere?: boolean
  when?: () => boolean
  run(): void
}

/** Every command there is right now. Later ones win a key that several want. */
export const useCommands = defineStore('commands', () => {
  const commands = shallowReactive(new Map<string, Command>())

  function register(added: readonly Command[]): () => void {
    for (const command of added) {
      commands.delete(command.id)
      commands.set(command.id, command)
    }
    return () => {
      for (const command of added) if (commands.get(command.id) === command) commands.delete(command.id)
    }
  }
  const available = (): Command[] => [...commands.values()].filter((command) => command.when?.() ?? true)
  const find = (id: string): Command | undefined => commands.get(id)

  function listen(page: Window): () => void {
    const mac = /Mac|iPhone|iPad/.test(page.navigator.userAgent)
    const sequence = createSequence()
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return
      const chord = chordOf(event, mac)
      if (!chord) return
      const place = placeOf(event.target)
      const all = available().reverse()
      for (const candidate of sequence(chord, event.timeStamp)) {
        const command = all.find(
          (c) => c.keys?.includes(candidate) && mayTake(place, chord, c.whileTyping ?? false, c.everywhere ?? false),
        )
        if (!command) continue
        event.preventDefault()
        command.run()
        return
      }
    }
    page.addEventListener('keydown', onKey)
    return () => page.removeEventListener('keydown', onKey)
  }

  return { commands, register, available, find, listen }
})

/** Commands that exist while the component (or scope) that calls this does. */
export function useLocalCommands(commands: readonly Command[]): void {
  onScopeDispose(useCommands().register(commands))
}
