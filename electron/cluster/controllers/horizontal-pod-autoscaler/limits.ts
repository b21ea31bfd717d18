const messages = {
  DesiredWithinRange: 'the desired count is within the acceptable range',
  TooFewReplicas: 'the desired replica count is less than the minimum replica count',
  TooManyReplicas: 'the desired replica count is more than the maximum replica count',
  ScaleUpLimit: 'the desired replica count is increasing faster than the maximum scale rate',
  ScaleDownLimit: 'the desired replica count is decreasing faster than the maximum scale rate',
} as const

/** How many replicas may be, and as the ScalingLimited condition says it, why no other number. */
export interface Limited {
  readonly replicas: number
  readonly reason: keyof typeof messages
  readonly message: string
}

export const limited = (replicas: number, reason: Limited['reason']): Limited => ({
  replicas,
  reason,
  message: messages[reason],
})

export interface Bounds {
  readonly least: number
  readonly most: number
}

/** At once a target grows to twice its size, or to this number of replicas. */
const growth = { factor: 2, least: 4 }

/** For an autoscaler without behaviour. Source: convertDesiredReplicasWithRules. */
export function limitPlainly(current: number, wanted: number, { least, most }: Bounds): Limited {
  const atOnce = Math.max(growth.factor * current, growth.least)
  if (wanted < least) return limited(least, 'TooFewReplicas')
  if (wanted <= Math.min(most, atOnce)) return limited(wanted, 'DesiredWithinRange')
  return most > atOnce ? limited(atOnce, 'ScaleUpLimit') : limited(most, 'TooManyReplicas')
}
