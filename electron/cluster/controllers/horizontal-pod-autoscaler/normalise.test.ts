import { describe, expect, it } from 'vitest'
import { withScaleEvent, type Behaviour } from './behaviour.ts'
import { noHistory, type History } from './history.ts'
import { normalise } from './normalise.ts'

const bounds = { least: 1, most: 100 }
const minutes = (count: number) => count * 60_000
const recommended = (...all: [replicas: number, at: number][]): History => ({
  ...noHistory,
  recommendations: all.map(([replicas, at]) => ({ replicas, at })),
})
const result = ({ limited, isLimited, stabilised }: ReturnType<typeof normalise>) => [
  limited.replicas,
  isLimited ? limited.reason : undefined,
  stabilised,
]

describe('without behaviour', () => {
  const plainly = (current: number, wanted: number, history = noHistory, at = 0, within = bounds) =>
    result(normalise(current, wanted, within, undefined, history, at))

  it('a target doubles at most, and grows to four at least', () => {
    expect(plainly(10, 50)).toEqual([20, 'ScaleUpLimit', undefined])
    expect(plainly(1, 50)).toEqual([4, 'ScaleUpLimit', undefined])
    expect(plainly(10, 15)).toEqual([15, undefined, undefined])
  })

  it('stays within its bounds', () => {
    expect(plainly(10, 50, noHistory, 0, { least: 1, most: 12 })).toEqual([12, 'TooManyReplicas', undefined])
    expect(plainly(10, 0, noHistory, 0, { least: 3, most: 12 })).toEqual([3, 'TooFewReplicas', undefined])
  })

  it('shrinks only to what was wanted at any time in the last five minutes', () => {
    const history = recommended([9, 0], [6, minutes(2)])
    expect(plainly(9, 2, history, minutes(5))).toEqual([9, undefined, 'ScaleDownStabilized'])
    expect(plainly(9, 2, history, minutes(5) + 1)).toEqual([6, undefined, 'ScaleDownStabilized'])
    expect(plainly(9, 2, history, minutes(8))).toEqual([2, undefined, undefined])
  })

  it('forgets what is older than the window', () => {
    const { history } = normalise(9, 2, bounds, undefined, recommended([9, 0], [6, minutes(2)]), minutes(6))
    expect(history.recommendations).toEqual([
      { replicas: 6, at: minutes(2) },
      { replicas: 2, at: minutes(6) },
    ])
  })
})

describe('with behaviour', () => {
  const rules = (type: string, value: number, more: object = {}) => ({
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [{ type, value, periodSeconds: 60 }],
    ...more,
  })
  const both: Behaviour = { scaleUp: rules('Pods', 4), scaleDown: rules('Percent', 50) }
  const by = (behaviour: Behaviour, current: number, wanted: number, history = noHistory, at = 0) =>
    result(normalise(current, wanted, bounds, behaviour, history, at))

  it('a policy bounds what is added and taken in its period', () => {
    expect(by(both, 10, 50)).toEqual([14, 'ScaleUpLimit', undefined])
    expect(by(both, 10, 1)).toEqual([5, 'ScaleDownLimit', undefined])
  })

  it('what was added in the period counts until it is over', () => {
    const history = withScaleEvent(noHistory, both, 10, 13, 1000)
    expect(by(both, 13, 50, history, 60_000)).toEqual([14, 'ScaleUpLimit', undefined])
    expect(by(both, 13, 50, history, 61_000)).toEqual([17, 'ScaleUpLimit', undefined])
  })

  it('a period that saw more than its policy allows stops all growth, but shrinks nothing', () => {
    const history = withScaleEvent(noHistory, both, 1, 13, 1000)
    expect(by(both, 13, 50, history, 2000)).toEqual([13, 'ScaleUpLimit', undefined])
  })

  it('what was taken gives room to grow again', () => {
    const history = withScaleEvent(noHistory, both, 10, 5, 1000)
    expect(by(both, 5, 50, history, 2000)).toEqual([14, 'ScaleUpLimit', undefined])
  })

  it('of several policies the largest change counts, or the smallest, or none', () => {
    const policies = [
      { type: 'Pods', value: 2, periodSeconds: 15 },
      { type: 'Percent', value: 100, periodSeconds: 15 },
    ]
    const up = (selectPolicy: string) => by({ ...both, scaleUp: rules('', 0, { selectPolicy, policies }) }, 10, 50)[0]
    const down = (selectPolicy: string) =>
      by({ ...both, scaleDown: rules('', 0, { selectPolicy, policies }) }, 10, 1)[0]
    expect(['Max', 'Min', 'Disabled'].map(up)).toEqual([20, 12, 10])
    expect(['Max', 'Min', 'Disabled'].map(down)).toEqual([1, 8, 10])
  })

  it('a percentage of few rounds so that something changes', () => {
    const percent: Behaviour = { scaleUp: rules('Percent', 10), scaleDown: rules('Percent', 10) }
    expect(by(percent, 1, 9)[0]).toBe(2)
    expect(by(percent, 2, 1)[0]).toBe(1)
  })

  it('windows steady each way on their own', () => {
    const steady: Behaviour = {
      scaleUp: rules('Percent', 900, { stabilizationWindowSeconds: 60 }),
      scaleDown: rules('Percent', 100, { stabilizationWindowSeconds: 120 }),
    }
    const history = recommended([3, 0], [8, 30_000])
    expect(by(steady, 5, 9, history, 50_000)).toEqual([5, undefined, 'ScaleUpStabilized'])
    expect(by(steady, 5, 9, history, 61_000)).toEqual([8, undefined, 'ScaleUpStabilized'])
    expect(by(steady, 9, 1, history, 61_000)).toEqual([8, undefined, 'ScaleDownStabilized'])
    expect(by(steady, 9, 1, history, 151_000)).toEqual([1, undefined, undefined])
  })

  it('wait five minutes before they shrink unless told otherwise', () => {
    const { stabilizationWindowSeconds: _, ...unset } = rules('Percent', 100)
    const behaviour: Behaviour = { ...both, scaleDown: unset }
    expect(by(behaviour, 9, 1, recommended([9, 0]), minutes(5) - 1)[0]).toBe(9)
    expect(by(behaviour, 9, 1, recommended([9, 0]), minutes(5))[0]).toBe(1)
  })

  it('keep scalings only as long as a policy asks for them', () => {
    const one = withScaleEvent(noHistory, both, 1, 2, 0)
    expect(withScaleEvent(one, both, 2, 3, 61_000).ups).toEqual([{ change: 1, at: 61_000 }])
    expect(withScaleEvent(noHistory, undefined, 1, 2, 0)).toBe(noHistory)
  })
})
