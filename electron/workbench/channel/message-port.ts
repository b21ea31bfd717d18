import type { Frame, FramePort } from '#shared/ipc/channel.ts'

/** What Electron's MessagePortMain offers; named here so that the workbench never imports Electron. */
export interface MessagePortLike {
  postMessage(message: unknown): void
  on(event: 'message', listener: (event: { data: unknown }) => void): unknown
  on(event: 'close', listener: () => void): unknown
  start(): void
  close(): void
}

/** Frames as structured clones over a message port. */
export function messagePort(port: MessagePortLike): FramePort {
  return {
    send: (frame) => port.postMessage(frame),
    onFrame(callback) {
      port.on('message', (event) => callback(event.data as Frame))
      port.start()
    },
    onClose: (callback) => port.on('close', callback),
    close: () => port.close(),
  }
}
