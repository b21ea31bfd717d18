import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  type Answer,
  type DecodedPacket,
  type OptAnswer,
  type Question,
} from 'dns-packet'
import type { DnsRecord } from './cluster-zone.ts'

export const responseCode = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const
export type ResponseCode = (typeof responseCode)[keyof typeof responseCode]

/** The size of answer that every resolver takes over UDP. */
const plainUdpSize = 512
/** What we promise and accept: fits into one packet on any link. */
const largestUdpSize = 1232

export interface Query {
  readonly id: number
  readonly question: Question
  readonly recursionDesired: boolean
  /** Largest answer that the asker takes over UDP. */
  readonly udpSize: number
  readonly extended: boolean
}

export interface Response {
  readonly code: ResponseCode
  readonly authoritative?: boolean
  readonly answers?: readonly DnsRecord[]
  readonly authorities?: readonly DnsRecord[]
  readonly additional?: readonly DnsRecord[]
}

/** The query in a packet; the code with which to refuse it; undefined when it deserves no answer. */
export function readQuery(packet: Buffer): Query | { id: number; refuse: ResponseCode } | undefined {
  if (packet.length < 12 || packet[2]! & 0x80) return undefined
  const id = packet.readUInt16BE(0)
  let decoded: DecodedPacket
  try {
    decoded = decode(packet)
  } catch {
    return { id, refuse: responseCode.formatError }
  }
  if ((packet[2]! >> 3) & 0xf) return { id, refuse: responseCode.notImplemented }
  const [question, ...others] = decoded.questions ?? []
  if (!question || others.length) return { id, refuse: responseCode.formatError }
  const options = decoded.additionals?.find((record): record is OptAnswer => record.type === 'OPT')
  return {
    id,
    question,
    recursionDesired: decoded.flag_rd,
    udpSize: options ? Math.min(Math.max(options.udpPayloadSize, plainUdpSize), largestUdpSize) : plainUdpSize,
    extended: options !== undefined,
  }
}

/** Encodes the response; one that is longer than `limit` is cut down to the request to ask again over TCP. */
export function writeResponse(query: Query, response: Response, limit: number): Buffer {
  const flags =
    RECURSION_AVAILABLE |
    (query.recursionDesired ? RECURSION_DESIRED : 0) |
    (response.authoritative ? AUTHORITATIVE_ANSWER : 0) |
    response.code
  const options = query.extended ? [optRecord()] : []
  const base = { type: 'response' as const, id: query.id, questions: [query.question] }
  const whole = encode({
    ...base,
    flags,
    answers: [...(response.answers ?? [])] as Answer[],
    authorities: [...(response.authorities ?? [])] as Answer[],
    additionals: [...((response.additional ?? []) as Answer[]), ...options],
  })
  return whole.length <= limit ? whole : encode({ ...base, flags: flags | TRUNCATED_RESPONSE, additionals: options })
}

/** To a packet that could not be read: its id is all there is to repeat. */
export function writeRefusal(id: number, code: ResponseCode): Buffer {
  return encode({ type: 'response', id, flags: code })
}

const optRecord = (): OptAnswer => ({
  type: 'OPT',
  name: '.',
  udpPayloadSize: largestUdpSize,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
})
