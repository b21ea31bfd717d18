import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Runtime } from '../../runtime/api.ts'
import type { KillReason } from '../core/actions.ts'
import type { PodEvents } from '../pods/pod-events.ts'
import { findContainer, type Pod, type RuntimeContainer } from '../types.ts'
import { runHook } from './hooks.ts'

/** Even a pod deleted with no grace has a moment to end by itself (upstream's minimumGracePeriodInSeconds). */
const minimumGrace = 2

export interface KillDeps {
  runtime: Runtime
  clock: Clock
  logger: Logger
  events: PodEvents
  hostIp(): string
}

export interface KillInput {
  pod: Pod
  instance: RuntimeContainer
  /** Empty: that of the node. */
  podIp: string
  /** Seconds. */
  grace: number
  /** Said in the Killing event. */
  message?: string | undefined
  /** Resolves when it is this container's turn to end; the grace runs meanwhile. */
  turn?: Promise<void>
  /** It is being killed already, with a longer grace: neither event nor hook again. */
  again?: boolean
  /** Everything in the pod starts over, which hooks are not told of. */
  withoutHook?: boolean
}

/** preStop, SIGTERM, SIGKILL: all within the grace. Resolves when the container is gone. */
export async function killContainer(deps: KillDeps, input: KillInput): Promise<void> {
  const { runtime, clock, events, logger } = deps
  const { pod, instance, grace, turn } = input
  const { name, id } = instance
  const started = clock.monotonic()
  const left = () => grace * 1000 - (clock.monotonic() - started)
  const container = findContainer(pod, name)?.container
  if (!input.again) {
    events.container(pod, name, 'Normal', 'Killing', input.message ?? `Stopping container ${name}`)
    const hook = input.withoutHook ? undefined : container?.lifecycle?.preStop
    if (hook && container && grace > 0) {
      const target = { container, containerId: id, sandboxId: instance.sandboxId, podIp: input.podIp }
      const failed = (error: Error) => {
        logger.warn('preStop hook failed', { container: name, error: error.message })
        events.container(pod, name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed')
      }
      await limited(runHook(deps, hook, target, left()).catch(failed), left(), clock)
    }
  }
  if (turn && left() > 0) await limited(turn, left(), clock)
  await runtime.stopContainer(id, Math.max(minimumGrace, Math.ceil(left() / 1000)))
}

/** The grace of a container that is killed for this reason: probes may have a shorter one of their own. */
export function graceOf(pod: Pod, name: string, reason: KillReason): number {
  const container = findContainer(pod, name)?.container
  const probe = reason === 'other' ? undefined : container?.[reason]
  return (
    pod.metadata?.deletionGracePeriodSeconds ??
    probe?.terminationGracePeriodSeconds ??
    pod.spec?.terminationGracePeriodSeconds ??
    30
  )
}

async function limited(work: Promise<void>, ms: number, clock: Clock): Promise<void> {
  const stop = new AbortController()
  await Promise.race([work, clock.sleep(ms, stop.signal).catch(() => {})])
  stop.abort()
}
