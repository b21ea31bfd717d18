import type { WebSocket } from 'ws'
import { readSizes, type CommandOptions, type CommandStreams } from './command-streams.ts'
import { encodeOutcome } from './status.ts'
import { ChannelSocket } from './websocket/channels.ts'
import type { ChannelProtocol } from './websocket/protocols.ts'

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const

export function commandOverWebSocket(
  socket: WebSocket,
  protocol: ChannelProtocol,
  options: CommandOptions,
): CommandStreams {
  const multiplexed = new ChannelSocket(socket, protocol, 5)
  const stream = (name: keyof typeof channels) => multiplexed.channel(channels[name])
  // An empty first message tells clients that the connection stands (upstream's remotecommand does so).
  const first = options.stdout ? channels.stdout : options.stderr && !options.tty ? channels.stderr : channels.error
  multiplexed.send(first, Buffer.alloc(0), () => {})
  const flushed = (name: 'stdout' | 'stderr') => new Promise<void>((resolve) => stream(name).end(resolve))

  return {
    ...(options.stdin ? { stdin: stream('stdin') } : {}),
    ...(options.stdout ? { stdout: stream('stdout') } : {}),
    ...(options.stderr && !options.tty ? { stderr: stream('stderr') } : {}),
    onResize(callback) {
      if (options.tty) readSizes(stream('resize'), callback)
    },
    async finish(outcome) {
      await Promise.race([Promise.all([flushed('stdout'), flushed('stderr')]), multiplexed.closed])
      const bytes = encodeOutcome(outcome, protocol.version)
      if (bytes.length) await new Promise<void>((resolve) => multiplexed.send(channels.error, bytes, resolve))
      await multiplexed.close()
    },
    closed: multiplexed.closed,
    destroy: () => multiplexed.terminate(),
  }
}
