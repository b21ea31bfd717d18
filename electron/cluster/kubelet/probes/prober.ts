import net from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../../base/clock.ts'
import type { Runtime } from '../../runtime/api.ts'
import type { Container, LifecycleHandler, Probe } from '../types.ts'
import { probeExec } from './exec.ts'
import { probeGrpc } from './grpc.ts'
import { probeHttp } from './http.ts'
import type { ProbeOutcome } from './outcome.ts'
import { probeTcp } from './tcp.ts'

export type ProbeKind = 'startup' | 'liveness' | 'readiness'

/** The container that is probed, and where it is. */
export interface ProbedContainer {
  container: Container
  containerId: string
  sandboxId: string
  podIp: string
}

export interface ProberDeps {
  runtime: Runtime
  clock: Clock
}

/** How often a probe that could not be made is tried before the try counts. */
const attempts = 3

export async function runProbe(deps: ProberDeps, probe: Probe, probed: ProbedContainer): Promise<ProbeOutcome> {
  let outcome: ProbeOutcome = { result: 'unknown', output: '' }
  for (let attempt = 0; attempt < attempts && outcome.result === 'unknown'; attempt++) {
    outcome = await once(deps, probe, probed)
  }
  return outcome
}

async function once({ runtime, clock }: ProberDeps, probe: Probe, probed: ProbedContainer): Promise<ProbeOutcome> {
  const timeout = (probe.timeoutSeconds ?? 1) * 1000
  try {
    if (probe.exec) return await probeExec(runtime, probed.containerId, probe.exec.command ?? [], timeout)
    if (probe.httpGet) return await probeHttp(httpTarget(runtime, probe.httpGet, probed), timeout, clock)
    if (probe.tcpSocket) {
      const port = portOf(probed.container, probe.tcpSocket.port)
      const { host } = probe.tcpSocket
      return await probeTcp({ host: host || probed.podIp, port, dial: dialer(runtime, probed, host) }, timeout, clock)
    }
    if (probe.grpc) {
      const { port, service = '' } = probe.grpc
      const target = { host: probed.podIp, port, service, dial: dialer(runtime, probed, undefined) }
      return await probeGrpc(target, timeout, clock)
    }
    return { result: 'unknown', output: `missing probe handler for ${probed.container.name}` }
  } catch (error) {
    return { result: 'unknown', output: (error as Error).message }
  }
}

/** An httpGet of a probe or a hook. Throws when its port is not one of the container's. */
export function httpTarget(runtime: Runtime, get: NonNullable<LifecycleHandler['httpGet']>, probed: ProbedContainer) {
  const path = get.path || '/'
  return {
    scheme: get.scheme?.toLowerCase() === 'https' ? ('https' as const) : ('http' as const),
    host: get.host || probed.podIp,
    port: portOf(probed.container, get.port),
    path: path.startsWith('/') ? path : `/${path}`,
    headers: get.httpHeaders ?? [],
    dial: dialer(runtime, probed, get.host),
  }
}

/** Into the pod, on whatever network it is; or, where the probe names a host, from the node. */
const dialer =
  (runtime: Runtime, { sandboxId }: ProbedContainer, host: string | undefined) =>
  (port: number): Promise<Duplex> =>
    host ? connect(host, port) : runtime.dial(sandboxId, port)

function connect(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port })
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(socket)
    })
  })
}

export function portOf(container: Container, port: number | string): number {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort
  const number = named ?? Number(port)
  if (number > 0 && number < 65_536) return number
  throw new Error(`couldn't find port: ${port}`)
}
