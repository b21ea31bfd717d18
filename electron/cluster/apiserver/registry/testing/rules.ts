import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { FakeClock } from '../../../base/fake-clock.ts'
import { seededRandom } from '../../../base/random.ts'
import type { KindDefinition, Strategy, StrategyContext } from '../kind.ts'

export const contextOf = (more: Partial<StrategyContext> = {}): StrategyContext => ({
  clock: new FakeClock(),
  random: seededRandom(1),
  user: { name: 'jane', groups: ['system:authenticated'] },
  namespace: 'a',
  dryRun: false,
  subresource: '',
  ...more,
})

export interface Ruled<T> {
  object: T
  /** `field: message`. */
  errors: string[]
}

export const texts = (errors: readonly FieldError[]): string[] =>
  errors.map(({ field, message }) => `${field}: ${message}`)

/** The object as it would be stored, and what is wrong with it. */
export function create<T extends KubeObject>(kind: KindDefinition<T>, object: T, context = contextOf()): Ruled<T> {
  const made = structuredClone(object)
  const { strategy } = kind
  strategy.setDefaults(made)
  strategy.prepareForCreate(made, context)
  const errors = texts(strategy.validateCreate(made, context))
  strategy.canonicalize?.(made)
  return { object: made, errors }
}

/** The stored object changed by a writer, through the subresource that is named. */
export function update<T extends KubeObject>(
  kind: KindDefinition<T>,
  old: T,
  change: (object: T) => void,
  subresource = '',
): Ruled<T> {
  const context = contextOf({ subresource })
  const object = structuredClone(old)
  change(object)
  const own = kind.subresources?.find(({ name }) => name === subresource)?.strategy
  const strategy = { ...kind.strategy, ...(own as Partial<Strategy<T>> | undefined) }
  strategy.setDefaults(object)
  strategy.prepareForUpdate(object, old, context)
  const errors = texts(strategy.validateUpdate(object, old, context))
  strategy.canonicalize?.(object)
  return { object, errors }
}
