import type { Clock } from '../../base/clock.ts'
import type { Runtime } from '../../runtime/api.ts'
import { httpTarget, type ProbedContainer } from '../probes/prober.ts'
import { probeHttp } from '../probes/http.ts'
import type { LifecycleHandler } from '../types.ts'

/** Runs a postStart or preStop hook to its end; rejects when it fails or takes longer than the limit. */
export async function runHook(
  deps: { runtime: Runtime; clock: Clock; hostIp(): string },
  handler: LifecycleHandler,
  target: ProbedContainer,
  limitMs: number,
): Promise<void> {
  const { runtime, clock, hostIp } = deps
  if (handler.exec) {
    const { exitCode, timedOut } = await runtime.execSync(target.containerId, handler.exec.command ?? [], limitMs)
    if (timedOut) throw new Error('hook did not finish in time')
    if (exitCode !== 0) throw new Error(`hook exited with ${exitCode}`)
  } else if (handler.httpGet) {
    const reached = { ...target, podIp: target.podIp || hostIp() }
    const { result, output } = await probeHttp(httpTarget(runtime, handler.httpGet, reached), limitMs, clock)
    if (result === 'failure') throw new Error(output)
  } else if (handler.sleep) {
    await clock.sleep(Math.min(handler.sleep.seconds * 1000, limitMs))
  } else {
    // tcpSocket is in the API, but no kubelet has ever run it.
    throw new Error(`invalid handler: ${JSON.stringify(handler)}`)
  }
}
