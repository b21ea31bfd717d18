/** The channel sub-protocols of kubectl exec, attach and port-forward, and how their frames are written. */
export interface ChannelProtocol {
  /** As negotiated; '' when the client named none. */
  readonly name: string
  /** 1 to 5. From 4 on the error channel carries a Status, from 5 on channels can be closed one by one. */
  readonly version: number
  /** Text frames: a digit for the channel, then base64. */
  readonly base64: boolean
}

const protocol = (name: string, version: number, base64 = false): ChannelProtocol => ({ name, version, base64 })

/** In the order in which the server prefers them. */
const commandProtocols = [
  protocol('v5.channel.k8s.io', 5),
  protocol('v4.channel.k8s.io', 4),
  protocol('v4.base64.channel.k8s.io', 4, true),
  protocol('v3.channel.k8s.io', 3),
  protocol('v2.channel.k8s.io', 2),
  protocol('channel.k8s.io', 1),
  protocol('base64.channel.k8s.io', 1, true),
]
const portProtocols = [
  protocol('v4.channel.k8s.io', 4),
  protocol('v4.base64.channel.k8s.io', 4, true),
  protocol('channel.k8s.io', 4),
]
/** Not channels but bytes: a SPDY session inside binary messages. */
export const tunnelProtocol = 'SPDY/3.1+portforward.k8s.io'

const choose = (known: readonly ChannelProtocol[], offered: ReadonlySet<string>, fallback: ChannelProtocol) =>
  offered.size === 0 ? fallback : known.find(({ name }) => offered.has(name))

export const chooseCommandProtocol = (offered: ReadonlySet<string>): ChannelProtocol | undefined =>
  choose(commandProtocols, offered, protocol('', 1))
export const choosePortProtocol = (offered: ReadonlySet<string>): ChannelProtocol | undefined =>
  choose(portProtocols, offered, protocol('', 4))

/** First byte of a v5 message whose second byte names the channel that its sender has closed. */
const closeSignal = 255

export type ChannelMessage = { channel: number; data: Buffer } | { close: number }

export function decodeMessage(
  message: Buffer,
  isBinary: boolean,
  { base64, version }: ChannelProtocol,
): ChannelMessage | undefined {
  if (!message.length) return undefined
  if (base64 && !isBinary)
    return { channel: message[0]! - 48, data: Buffer.from(message.toString('latin1', 1), 'base64') }
  if (version >= 5 && message[0] === closeSignal && message.length >= 2) return { close: message[1]! }
  return { channel: message[0]!, data: message.subarray(1) }
}

export function encodeMessage(channel: number, data: Buffer, { base64 }: ChannelProtocol): Buffer | string {
  if (base64) return String.fromCharCode(48 + channel) + data.toString('base64')
  const message = Buffer.allocUnsafe(data.length + 1)
  message[0] = channel
  data.copy(message, 1)
  return message
}
