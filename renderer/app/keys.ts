/** What a key event is called in a command's `keys`: `mod+k`, `shift+g`, `?`, `arrowdown`, `space`. */
export function chordOf(
  event: Pick<KeyboardEvent, 'key' | 'code' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>,
  mac: boolean,
): string | undefined {
  if (['Control', 'Meta', 'Alt', 'Shift', 'Dead', 'Process'].includes(event.key)) return undefined
  const mod = mac ? event.metaKey : event.ctrlKey
  const key = event.key === ' ' ? 'space' : event.key.toLowerCase()
  // What shift does to a digit or a sign differs by keyboard: there the character itself is the name.
  const namesShift = event.shiftKey && (key.length > 1 || /^\p{Letter}$/u.test(key))
  return [
    mod ? 'mod+' : '',
    mac && event.ctrlKey ? 'ctrl+' : '',
    event.altKey ? 'alt+' : '',
    namesShift ? 'shift+' : '',
    key,
  ].join('')
}

export type Place =
  /** Nothing else wants keys. */
  | 'free'
  /** A control that Enter, Space and arrows belong to. */
  | 'control'
  /** Text is being typed. */
  | 'field'
  /** A dialog, menu or terminal that takes every key. */
  | 'own'

const inTheWay = '[role="menu"],[role="dialog"],[role="alertdialog"]'

export function placeOf(target: EventTarget | null): Place {
  if (!(target instanceof Element)) return 'free'
  if (target.closest(`[data-keys="own"],${inTheWay}`)) return 'own'
  // Focus falls to the page when the button that had it is disabled: what is in the way still has the keys.
  if (target.localName === 'body' && target.querySelector(inTheWay)) return 'own'
  if (
    target.closest(
      'input:not([type="checkbox"],[type="range"],[type="radio"]),textarea,[contenteditable="true"],.monaco-editor',
    )
  ) {
    return 'field'
  }
  if (target.closest('[role="grid"]')) return 'free'
  return target.closest('button,a[href],select,input,summary,[role="tab"],[role="separator"],[role="slider"]')
    ? 'control'
    : 'free'
}

const controlKeys = new Set([
  'enter',
  'space',
  'arrowup',
  'arrowdown',
  'arrowleft',
  'arrowright',
  'home',
  'end',
  'pageup',
  'pagedown',
  'tab',
])

/** Whether a command may take this chord in this place. */
export function mayTake(place: Place, chord: string, whileTyping: boolean, everywhere: boolean): boolean {
  if (everywhere) return true
  if (place === 'own') return false
  if (place === 'field') return whileTyping
  return place === 'free' || !controlKeys.has(chord)
}

/** Recognises sequences such as `g p`. Pure but for the time it is given. */
export function createSequence(patience = 900): (chord: string, now: number) => string[] {
  let before = ''
  let at = 0
  /** Candidates, the longest first. */
  return (chord, now) => {
    const candidates = before && now - at < patience ? [`${before} ${chord}`, chord] : [chord]
    before = chord
    at = now
    return candidates
  }
}
