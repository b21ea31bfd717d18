/** What a state means to the eye: a colour and a shape. The word beside it belongs to the caller. */
export type Tone = 'ok' | 'busy' | 'warn' | 'bad' | 'off'

export const toneText: Record<Tone, string> = {
  ok: 'text-ok',
  busy: 'text-busy',
  warn: 'text-warn',
  bad: 'text-bad',
  off: 'text-off',
}
/** Shapes. */
export const toneMark: Record<Tone, string> = {
  ok: 'text-ok-mark',
  busy: 'text-busy-mark',
  warn: 'text-warn-mark',
  bad: 'text-bad-mark',
  off: 'text-off-mark',
}
/** Bars. */
export const toneFill: Record<Tone, string> = {
  ok: 'bg-ok-mark',
  busy: 'bg-busy-mark',
  warn: 'bg-warn-mark',
  bad: 'bg-bad-mark',
  off: 'bg-off-mark',
}
