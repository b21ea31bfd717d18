import { decode, encode, RECURSION_DESIRED, type Answer, type RecordType } from 'dns-packet'
import type { ClusterZone, DnsRecord } from './cluster-zone.ts'
import type { Forwarder } from './forwarder.ts'
import {
  readQuery,
  responseCode,
  writeRefusal,
  writeResponse,
  type Query,
  type Response,
  type ResponseCode,
} from './message.ts'

const longestAliasChain = 8
const largestTcpMessage = 65_535

export type Transport = 'udp' | 'tcp'

export interface ResponderDeps {
  readonly zone: ClusterZone
  readonly forwarder: Forwarder
  /** False as long as the Services are not known yet: then absent names are failures and not absent. */
  isSynced(): boolean
}

/** From packet to packet. */
export class Responder {
  readonly #deps: ResponderDeps

  constructor(deps: ResponderDeps) {
    this.#deps = deps
  }

  /** Undefined when the packet deserves no answer. */
  async respond(packet: Buffer, transport: Transport): Promise<Buffer | undefined> {
    const query = readQuery(packet)
    if (!query) return undefined
    if ('refuse' in query) return writeRefusal(query.id, query.refuse)
    try {
      return await this.#answer(query, packet, transport)
    } catch {
      // Names come from objects and from strangers; one that fits into no packet must not cost more than its answer.
      return writeRefusal(query.id, responseCode.serverFailure)
    }
  }

  async #answer(query: Query, packet: Buffer, transport: Transport): Promise<Buffer> {
    const response = await this.#ownAnswer(query, transport)
    if (response) return writeResponse(query, response, transport === 'udp' ? query.udpSize : largestTcpMessage)
    const forwarded = await this.#deps.forwarder.ask(packet, transport)
    return forwarded ?? writeResponse(query, { code: responseCode.serverFailure }, query.udpSize)
  }

  /** Undefined for names that others know. */
  async #ownAnswer({ question }: Query, transport: Transport): Promise<Response | undefined> {
    const { zone, isSynced } = this.#deps
    // The answer repeats the name as it was asked, whose upper and lower case some resolvers check.
    const name = question.name.toLowerCase()
    if (!zone.holds(name)) {
      const ip = question.type === 'PTR' ? addressIn(name) : undefined
      const reverse = ip === undefined ? undefined : zone.reverse(ip, question.name)
      return reverse && { code: responseCode.noError, authoritative: true, answers: reverse.records }
    }
    const { exists, records, additional } = zone.resolve(name, question.type, question.name)
    if (!exists && !isSynced()) return { code: responseCode.serverFailure }
    const answer: Response = { code: exists ? responseCode.noError : responseCode.nameError, authoritative: true }
    if (!records.length) return { ...answer, authorities: [zone.authority()] }
    const [alias] = records
    if (alias?.type !== 'CNAME' || question.type === 'CNAME') return { ...answer, answers: records, additional }
    const target = await this.#follow(alias.data, question.type, transport)
    return { ...answer, code: target.code, answers: [...records, ...target.answers] }
  }

  /** What an alias leads to, in the cluster or elsewhere: stub resolvers in pods do not ask again. */
  async #follow(
    target: string,
    type: RecordType,
    transport: Transport,
  ): Promise<{ code: ResponseCode; answers: DnsRecord[] }> {
    const { zone, forwarder } = this.#deps
    const answers: DnsRecord[] = []
    for (let length = 0; length < longestAliasChain; length++) {
      if (!zone.holds(target)) {
        const query = encode({ type: 'query', id: 0, flags: RECURSION_DESIRED, questions: [{ name: target, type }] })
        const forwarded = await forwarder.ask(query, transport)
        if (!forwarded) return { code: responseCode.serverFailure, answers }
        return { code: (forwarded[3]! & 0xf) as ResponseCode, answers: [...answers, ...recordsIn(forwarded)] }
      }
      const { exists, records } = zone.resolve(target, type)
      answers.push(...records)
      const [alias] = records
      if (alias?.type !== 'CNAME') return { code: exists ? responseCode.noError : responseCode.nameError, answers }
      target = alias.data
    }
    return { code: responseCode.serverFailure, answers: [] }
  }
}

function recordsIn(packet: Buffer): DnsRecord[] {
  try {
    return (decode(packet).answers ?? []).filter(
      (answer: Answer): answer is Answer & DnsRecord => answer.type !== 'OPT',
    )
  } catch {
    return []
  }
}

/** The address in the name of a pointer record; undefined for IPv6, which the cluster does not give out. */
function addressIn(name: string): string | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\.in-addr\.arpa$/.exec(name)
  return match?.slice(1).toReversed().join('.')
}
