import type { Frame, FramePort } from '#shared/ipc/channel.ts'

/** Resolves once frames can be sent. Rejects when the other side cannot be reached. */
export type Connect = () => Promise<FramePort>

/** The `serve` host: one JSON frame per WebSocket message. */
export const webSocketConnect =
  (address: string): Connect =>
  () =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(address)
      socket.addEventListener('error', () => reject(new Error('The workbench does not answer.')), { once: true })
      socket.addEventListener('open', () => resolve(socketPort(socket)), { once: true })
    })

function socketPort(socket: WebSocket): FramePort {
  return {
    send: (frame) => socket.send(JSON.stringify(frame)),
    onFrame: (callback) =>
      socket.addEventListener('message', (event: MessageEvent<string>) => callback(JSON.parse(event.data) as Frame)),
    onClose: (callback) => socket.addEventListener('close', () => callback()),
    close: () => socket.close(),
  }
}

/** The desktop app: the preload posts a port to the page, once at the start and again after the workbench restarted. */
export function messagePortConnect(page: Window): Connect {
  let waiting: ((port: MessagePort) => void) | undefined
  let arrived: MessagePort | undefined
  page.addEventListener('message', (event) => {
    const [port] = event.ports
    if (event.source !== page || event.data !== 'wheelhouse:port' || !port) return
    if (waiting) waiting(port)
    else arrived = port
  })
  return async () => {
    const port = arrived ?? (await new Promise<MessagePort>((resolve) => (waiting = resolve)))
    waiting = arrived = undefined
    return messagePort(port)
  }
}

function messagePort(port: MessagePort): FramePort {
  return {
    send: (frame) => port.postMessage(frame),
    onFrame: (callback) => {
      port.addEventListener('message', (event: MessageEvent<Frame>) => callback(event.data))
      port.start()
    },
    onClose: (callback) => port.addEventListener('close', () => callback()),
    close: () => port.close(),
  }
}

const tokenKey = 'wheelhouse.token'

/**
 * The secret that the address was opened with, which the host asks for on the channel. A cookie would not do: browsers
 * send cookies to every port of a host, so any other local server could pick it up. It is taken off the address bar at
 * once, so that it does not end up in the history or in a screenshot, and kept for reloads of this tab.
 */
export function takeToken(page: Window): string | undefined {
  const { location, history, sessionStorage } = page
  const address = new URL(location.href)
  const token = address.searchParams.get('token')
  if (!token) return sessionStorage.getItem(tokenKey) ?? undefined
  sessionStorage.setItem(tokenKey, token)
  address.searchParams.delete('token')
  history.replaceState(history.state, '', address)
  return token
}

/** Where the `serve` host listens: on the page's own origin. */
export function channelAddress(page: Window, token: string | undefined): string {
  const address = new URL('/channel', page.location.href)
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
  if (token) address.searchParams.set('token', token)
  return address.href
}
