import type { ServerResponse } from 'node:http'
import type { Clock } from '../../base/clock.ts'
import { readLogs, type LogOptions } from '../logs/log-reader.ts'
import { findContainer, type ContainerStatus, type Pod } from '../types.ts'
import { findPod, HttpError, type Served, type ServedNode } from './host.ts'

export async function serveLogs(
  deps: { served: Served; clock: Clock },
  [namespace = '', name = '', container = '']: readonly string[],
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const { served, clock } = deps
  const { node, pod } = findPod(served, namespace, name)
  if (!findContainer(pod, container)) {
    throw new HttpError(404, `container ${JSON.stringify(container)} not found in pod ${JSON.stringify(name)}`)
  }
  const options = logOptions(query, clock.now())
  const previous = isTrue(query, 'previous')
  const id = loggedRun(pod, statusOf(node, pod, container), container, previous)
  const run = await node.runtime.containerStatus(id)
  if (!run) throw new HttpError(400, `unable to retrieve container logs for ${id}`)

  const gone = new AbortController()
  response.on('close', () => gone.abort(new Error('the client has gone')))
  response.writeHead(200, { 'Content-Type': 'text/plain' })
  response.flushHeaders()
  const isRunning = async () => (await node.runtime.containerStatus(id))?.state === 'running'
  try {
    await readLogs({ path: run.logPath, isRunning, clock, signal: gone.signal }, options, response)
  } catch (error) {
    // A container that never wrote has no file; what happens later can only be told by the end of the answer.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') response.write(`${(error as Error).message}\n`)
  }
  response.end()
}

function statusOf(node: ServedNode, pod: Pod, container: string): ContainerStatus | undefined {
  const status = node.status(pod)
  return [
    ...(status.containerStatuses ?? []),
    ...(status.initContainerStatuses ?? []),
    ...(status.ephemeralContainerStatuses ?? []),
  ].find(({ name }) => name === container)
}

/** The id of the run whose log is asked for. Source: kubelet's validateContainerLogStatus. */
function loggedRun(pod: Pod, status: ContainerStatus | undefined, container: string, previous: boolean): string {
  const where = `container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata?.name)}`
  const refuse = (why: string) => new HttpError(400, why)
  if (!status)
    throw refuse(`container ${JSON.stringify(container)} in pod ${JSON.stringify(pod.metadata?.name)} is not available`)
  const { running, terminated, waiting } = status.state ?? {}
  const last = status.lastState?.terminated?.containerID
  const bare = (id: string) => id.slice(id.indexOf('://') + 3)
  if (previous) {
    if (!last) throw refuse(`previous terminated ${where} not found`)
    return bare(last)
  }
  if ((running || terminated) && status.containerID) return bare(status.containerID)
  if (last) return bare(last)
  const reasons: Record<string, string> = {
    ErrImagePull: "image can't be pulled",
    ImagePullBackOff: 'trying and failing to pull image',
  }
  const reason = waiting?.reason ?? ''
  throw refuse(`${where} is waiting to start: ${reasons[reason] ?? (reason || 'no logs yet')}`)
}

export const isTrue = (query: URLSearchParams, ...names: string[]): boolean =>
  names.some((name) => query.get(name) === 'true' || query.get(name) === '1')

function logOptions(query: URLSearchParams, now: number): LogOptions {
  const number = (name: string) => {
    const text = query.get(name)
    if (text === null || text === '') return undefined
    const value = Number(text)
    if (!Number.isInteger(value) || value < 0)
      throw new HttpError(422, `invalid value for ${name}: ${JSON.stringify(text)}`)
    return value
  }
  const [sinceSeconds, sinceTime] = [number('sinceSeconds'), query.get('sinceTime')]
  const since = sinceTime ? Date.parse(sinceTime) : sinceSeconds === undefined ? undefined : now - sinceSeconds * 1000
  const [tailLines, limitBytes] = [number('tailLines'), number('limitBytes')]
  const stream = { Stdout: 'stdout', Stderr: 'stderr' }[query.get('stream') ?? ''] as LogOptions['stream']
  return {
    follow: isTrue(query, 'follow'),
    timestamps: isTrue(query, 'timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined || Number.isNaN(since) ? {} : { since }),
    ...(stream ? { stream } : {}),
  }
}
