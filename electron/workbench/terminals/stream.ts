import type { Container, Pod } from 'kubernetes-types/core/v1'
import type { z } from 'zod'
import type { StreamDown } from '#shared/ipc/contract.ts'
import type { terminalStreams as contract } from '#shared/ipc/terminals.ts'
import { pods, resourcePath } from '#shared/kube/resources.ts'
import type { Status } from '#shared/kube/status.ts'
import type { WebSocket } from 'ws'
import type { Outlet, StreamHandlers } from '../channel/server.ts'
import type { Contexts } from '../connections/contexts.ts'
import { Screen } from './screen.ts'

type Params = z.output<(typeof contract)['exec.open']['params']>
type Up = z.output<(typeof contract)['exec.open']['up']>
type Down = StreamDown<'exec.open'>

/** Of the remotecommand protocol; its first byte says what a message is. Source: k8s.io/kubelet remotecommand. */
const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const
const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io']

/** How a session is held: what is attached to goes on as it was started, a command gets a terminal. */
interface Manner {
  tty: boolean
  stdin: boolean
}

/** Exec with a tty; attach with one where the container has one. */
export function terminalStreams(contexts: Contexts): Pick<StreamHandlers, 'exec.open'> {
  return { 'exec.open': (params, outlet) => runTerminal(contexts, params, outlet) }
}

async function runTerminal(contexts: Contexts, params: Params, outlet: Outlet<Down, Up>): Promise<void> {
  const { signal } = outlet
  let { columns, rows } = params
  /** What is typed before the terminal stands. */
  let typed: string[] | undefined = []
  let socket: WebSocket | undefined
  const send = (channel: number, data: string) => {
    if (socket?.readyState === socket?.OPEN) socket?.send(Buffer.concat([Buffer.of(channel), Buffer.from(data)]))
  }
  const resize = () => send(channels.resize, JSON.stringify({ Width: columns, Height: rows }))
  outlet.onMessage((up) => {
    if (up.resize) {
      ;({ columns, rows } = up.resize)
      resize()
    }
    if (up.data === undefined) return
    if (typed) typed.push(up.data)
    else send(channels.stdin, up.data)
  })

  const manner = params.attach ? await mannerOf(contexts, params, signal) : { tty: true, stdin: true }
  socket = await contexts.connection(params.context).upgrade(pathOf(params, manner), protocols, signal)
  const opened = socket
  const exit = conversation(opened, outlet, manner)
  opened.resume()
  resize()
  for (const data of typed) send(channels.stdin, data)
  typed = undefined
  const leave = () => {
    // The program is told that nobody types any more; of two goodbyes one is understood by every server.
    if (opened.protocol === protocols[0]) opened.send(Buffer.of(channels.close, channels.stdin))
    opened.close()
    setTimeout(() => opened.terminate(), 2000).unref()
  }
  if (signal.aborted) leave()
  else signal.addEventListener('abort', leave, { once: true })
  outlet.send({ exit: await exit })
}

/** Shows what comes; resolves with how it ended. */
function conversation(
  socket: WebSocket,
  outlet: Outlet<Down, Up>,
  { tty }: Manner,
): Promise<{ code: number; message?: string }> {
  // Without a tty nobody has turned line feeds into new lines yet.
  const screen = new Screen((data) => outlet.send({ data: tty ? data : data.replaceAll(/\r?\n/g, '\r\n') }))
  let status: Status | undefined
  return new Promise((resolve) => {
    socket.on('message', (data: Buffer) => {
      const [channel] = data
      if (channel === channels.stdout || channel === channels.stderr) {
        if (data.length > 1) screen.write(data.subarray(1))
      } else if (channel === channels.error && data.length > 1) status = statusIn(data.subarray(1).toString('utf8'))
      if (!screen.full && !outlet.congested) return
      // What the other side cannot take stays with the server, which holds the program back.
      socket.pause()
      void Promise.all([screen.drawn(), outlet.clear()]).then(() => socket.resume())
    })
    socket.on('error', () => {})
    socket.on('close', (_code, reason) => {
      screen.end()
      resolve(
        status
          ? exitOf(status)
          : { code: -1, message: reason.toString() || 'The connection was closed: the pod may be gone.' },
      )
    })
  })
}

async function mannerOf(contexts: Contexts, params: Params, signal: AbortSignal): Promise<Manner> {
  const path = resourcePath(pods, { namespace: params.namespace, name: params.pod })
  const { spec } = (await contexts.connection(params.context).json<Pod>(path, { signal })).value
  const containers: Pick<Container, 'name' | 'tty' | 'stdin'>[] = [
    ...(spec?.containers ?? []),
    ...(spec?.initContainers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ]
  const found = params.container ? containers.find(({ name }) => name === params.container) : containers[0]
  return { tty: found?.tty ?? false, stdin: found?.stdin ?? false }
}

function pathOf({ namespace, pod, container, command, attach }: Params, { tty, stdin }: Manner): string {
  const query = new URLSearchParams({ stdout: 'true', ...(stdin ? { stdin: 'true' } : {}) })
  // A tty has one output only.
  query.set(tty ? 'tty' : 'stderr', 'true')
  if (container) query.set('container', container)
  if (!attach) for (const word of command) query.append('command', word)
  return `${resourcePath(pods, { namespace, name: pod, subresource: attach ? 'attach' : 'exec' })}?${query}`
}

function statusIn(text: string): Status {
  try {
    return JSON.parse(text) as Status
  } catch {
    return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: text }
  }
}

function exitOf(status: Status): { code: number; message?: string } {
  if (status.status === 'Success') return { code: 0 }
  const cause = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')
  return { code: cause ? Number(cause.message) : -1, ...(status.message ? { message: status.message } : {}) }
}
