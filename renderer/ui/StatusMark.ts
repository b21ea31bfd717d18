import { h, type FunctionalComponent, type PropType, type VNode } from 'vue'
import { toneMark, toneText, type Tone } from './tone.ts'

export interface StatusMarkProps {
  tone: Tone
  /** Read aloud when no word stands beside the mark. */
  label?: string | undefined
  plain?: boolean | undefined
}

const ring = (r: string): VNode =>
  h('circle', { cx: '6', cy: '6', r, fill: 'none', stroke: 'currentColor', 'stroke-width': '1.4' })

const shapes: Record<Exclude<Tone, 'ok'>, () => VNode[]> = {
  busy: () => [ring('3.7'), h('path', { d: 'M6 2.3a3.7 3.7 0 0 1 0 7.4z', fill: 'currentColor' })],
  warn: () => [
    h('path', {
      d: 'M6 1.3 11.2 10.4H.8z',
      fill: 'currentColor',
      stroke: 'currentColor',
      'stroke-width': '.8',
      'stroke-linejoin': 'round',
    }),
  ],
  bad: () => [
    h('path', { d: 'M4 .9h4L11.1 4v4L8 11.1H4L.9 8V4z', fill: 'currentColor' }),
    h('path', {
      d: 'M4.2 4.2l3.6 3.6M7.8 4.2 4.2 7.8',
      stroke: 'var(--color-surface)',
      'stroke-width': '1.3',
      'stroke-linecap': 'round',
    }),
  ],
  off: () => [ring('3.5')],
}

const labelled = (label: string | undefined): Record<string, string> =>
  label ? { role: 'img', 'aria-label': label } : { 'aria-hidden': 'true' }

/** Colour and shape alone, 12 pixels wide. */
export function toneIcon(tone: Tone, label?: string, look = ''): VNode {
  const own = { key: tone, ...labelled(label) }
  const looks = `size-3 shrink-0 ${look} ${toneMark[tone]}`
  // The shape that a table is full of is a round box: a drawing has coordinates of its own, which each frame pays for.
  if (tone === 'ok') return h('span', { ...own, class: `${roundLook} ${looks}` })
  return h('svg', { ...own, viewBox: '0 0 12 12', class: looks }, shapes[tone]())
}
const roundLook = 'inline-block rounded-round bg-current bg-clip-content p-0.5 forced-color-adjust-none'

/** Colour, shape and a word. Circle: good; half circle: under way; triangle: look; octagon: broken; ring: idle. */
export const StatusMark: FunctionalComponent<StatusMarkProps> = ({ tone, label, plain }, { slots }) => {
  const word = slots['default']?.()
  return h('span', { class: 'inline-flex max-w-full min-w-0 items-center gap-1.5' }, [
    toneIcon(tone, label),
    word && h('span', { class: `self-baseline truncate ${plain ? '' : toneText[tone]}` }, word),
  ])
}
StatusMark.props = { tone: String as PropType<Tone>, label: String, plain: Boolean }
