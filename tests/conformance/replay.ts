import { Agent, request, type RequestOptions } from 'node:https'
import { isDeepStrictEqual } from 'node:util'
import { parse } from 'yaml'
import { meaning, normalise } from './normalise.ts'
import type { Answer, Exchange } from './recording.ts'

export interface Replayed {
  exchange: Exchange
  actual: Answer
  /** The whole answer agrees. */
  exact: boolean
  /** What matters of it agrees. */
  same: boolean
}

interface Kubeconfig {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[]
}

/** Watches of a recording may be read for less time: this server answers at once. */
const longestWatch = 250
const longestSettle = 250

/** Makes the exchanges, in order, against the server of a kubeconfig. */
export async function replay(kubeconfig: string, exchanges: readonly Exchange[]): Promise<Replayed[]> {
  const config = parse(kubeconfig) as Kubeconfig
  const { server, 'certificate-authority-data': authority } = config.clusters[0]!.cluster
  const user = config.users[0]!.user
  const decode = (text: string) => Buffer.from(text, 'base64')
  const agent = new Agent({
    keepAlive: true,
    ca: decode(authority),
    cert: decode(user['client-certificate-data']),
    key: decode(user['client-key-data']),
  })
  const results: Replayed[] = []
  try {
    for (const exchange of exchanges) {
      if (exchange.settle)
        await new Promise((resolve) => setTimeout(resolve, Math.min(exchange.settle!, longestSettle)))
      const answer = await ask(server, agent, exchange)
      const actual = clean({ ...answer, body: normalise(answer.body) })
      const wanted = clean(exchange.response)
      const exact = isDeepStrictEqual(actual, wanted)
      results.push({
        exchange,
        actual,
        exact,
        same: exact || isDeepStrictEqual(clean(meaning(actual)), clean(meaning(wanted))),
      })
    }
  } finally {
    agent.destroy()
  }
  return results
}

/** Without undefined fields. */
const clean = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T

function ask(
  server: string,
  agent: Agent,
  { method = 'GET', path, headers, body, watchMs }: Exchange,
): Promise<Answer> {
  const payload = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  const options: RequestOptions = {
    method,
    agent,
    headers: {
      accept: 'application/json',
      'user-agent': 'golden/1.0',
      ...(payload === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
      ...headers,
    },
  }
  return new Promise((resolve, reject) => {
    const asking = request(new URL(server + path), options, (response) => {
      const chunks: Buffer[] = []
      let timer: NodeJS.Timeout | undefined
      const finish = () => {
        clearTimeout(timer)
        const text = Buffer.concat(chunks).toString()
        const warning = response.headers.warning as string | undefined
        resolve({
          code: response.statusCode!,
          type: (response.headers['content-type'] ?? '').split(';')[0]!,
          ...(warning === undefined ? {} : { warning }),
          body: watchMs ? text.split('\n').filter(Boolean).map(parsed) : parsed(text),
        })
        if (watchMs) asking.destroy()
      }
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('end', finish)
      if (watchMs) timer = setTimeout(finish, Math.min(watchMs, longestWatch))
    })
    asking.on('error', reject)
    asking.end(payload)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
