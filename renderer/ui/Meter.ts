import { h, type FunctionalComponent, type VNode } from 'vue'
import { toneFill, type Tone } from './tone.ts'

export interface MeterProps {
  parts: readonly { tone: Tone; value: number }[]
  whole?: number | undefined
  thin?: boolean | undefined
}

/** Parts of a whole, as one bar. The words stand elsewhere. */
export function meter({ parts, whole, thin }: MeterProps): VNode {
  const total = whole ?? parts.reduce((sum, part) => sum + part.value, 0)
  const width = (value: number): string => (total ? `${Math.min(100, (value / total) * 100)}%` : '0')
  return h(
    'span',
    {
      class: `flex w-full gap-px overflow-hidden rounded-round bg-press ${thin ? 'h-1' : 'h-2'}`,
      'aria-hidden': 'true',
    },
    parts
      .filter(({ value }) => value)
      .map(({ tone, value }) =>
        h('span', {
          key: tone,
          class: `h-full min-w-0.5 transition-[width] duration-200 ${toneFill[tone]}`,
          style: { width: width(value) },
        }),
      ),
  )
}

export const Meter: FunctionalComponent<MeterProps> = (props) => meter(props)
Meter.props = { parts: Array, whole: Number, thin: Boolean }
