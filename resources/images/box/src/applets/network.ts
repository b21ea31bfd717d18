import { createWriteStream, readFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import net from 'node:net'
import path from 'node:path'
import { finished } from 'node:stream/promises'
import { options, Usage, type Applet } from '../applet.ts'
import { complain, out, reason, write } from '../io.ts'

interface Fetch {
  url: string
  method: string
  headers: Record<string, string>
  body?: string | Buffer
  timeoutMs?: number
  insecure: boolean
}

const mostRedirects = 10

async function request({ url, method, headers, body, timeoutMs, insecure }: Fetch): Promise<IncomingMessage> {
  const secure = url.startsWith('https:')
  // Loaded when needed: it costs as much as starting Node does, which every tool of this file would pay.
  const { request: send } = await (secure ? import('node:https') : import('node:http'))
  return new Promise((resolve, reject) => {
    const sent = send(url, {
      method,
      headers,
      agent: false,
      ...(secure && insecure ? { rejectUnauthorized: false } : {}),
    })
    if (timeoutMs !== undefined)
      sent.setTimeout(timeoutMs, () => sent.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })))
    sent.on('response', resolve)
    sent.on('error', reject)
    sent.end(body)
  })
}

async function follow(fetch: Fetch, redirects: boolean): Promise<IncomingMessage> {
  let next = fetch
  for (let count = 0; count <= mostRedirects; count++) {
    const response = await request(next)
    const { location } = response.headers
    if (!redirects || location === undefined || !/^30[12378]$/.test(String(response.statusCode))) return response
    response.resume()
    next = { ...next, url: new URL(location, next.url).href }
  }
  throw new Error('too many redirects')
}

const withScheme = (url: string): string => (/^https?:\/\//.test(url) ? url : `http://${url}`)

async function save(response: IncomingMessage, file: string | undefined): Promise<void> {
  if (file === undefined || file === '-') {
    for await (const chunk of response) out(chunk as Buffer)
    return
  }
  await finished(response.pipe(createWriteStream(file)))
}

/** curl's exit codes for what goes wrong on the way. */
const curlCodes: Readonly<Record<string, [number, string]>> = {
  ENOTFOUND: [6, 'Could not resolve host'],
  EAI_AGAIN: [6, 'Could not resolve host'],
  ECONNREFUSED: [7, 'Failed to connect'],
  EHOSTUNREACH: [7, 'Failed to connect'],
  ETIMEDOUT: [28, 'Operation timed out'],
  ECONNRESET: [56, 'Connection reset by peer'],
}

export const curl: Applet = async (args) => {
  const { has, value, values, rest } = options(args, 'sSfkLivIo:OX:H:d:m:w:u:A:g', {
    silent: 's',
    'show-error': 'S',
    fail: 'f',
    insecure: 'k',
    location: 'L',
    include: 'i',
    head: 'I',
    output: 'o',
    request: 'X',
    header: 'H',
    data: 'd',
    'data-raw': 'd',
    'max-time': 'm',
    'connect-timeout': 'm',
    'write-out': 'w',
    user: 'u',
    'user-agent': 'A',
    verbose: 'v',
  })
  if (!rest.length) throw new Usage('usage: curl [OPTION]… URL')
  const data = values('d')
    .map((text) => (text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text))
    .join('&')
  const headers: Record<string, string> = { 'User-Agent': value('A') ?? 'curl/8.0 (wheelhouse)', Accept: '*/*' }
  if (data) headers['Content-Type'] = 'application/x-www-form-urlencoded'
  const user = value('u')
  if (user !== undefined) headers['Authorization'] = `Basic ${Buffer.from(user).toString('base64')}`
  for (const line of values('H')) headers[line.slice(0, line.indexOf(':'))] = line.slice(line.indexOf(':') + 1).trim()
  const method = value('X') ?? (has('I') ? 'HEAD' : data ? 'POST' : 'GET')
  const timeout = value('m')
  let status = 0
  for (const given of rest) {
    const url = withScheme(given)
    const started = performance.now()
    try {
      const fetch = {
        url,
        method,
        headers,
        insecure: has('k'),
        ...(data ? { body: data } : {}),
        ...(timeout === undefined ? {} : { timeoutMs: Number(timeout) * 1000 }),
      }
      const response = await follow(fetch, has('L'))
      const code = response.statusCode ?? 0
      const head = `HTTP/${response.httpVersion} ${code} ${response.statusMessage}\n${pairs(response.rawHeaders)}\n`
      if (has('v')) complain(head)
      if (has('i') || has('I')) out(head)
      if (has('f') && code >= 400) {
        response.resume()
        if (!has('s') || has('S')) complain(`curl: (22) The requested URL returned error: ${code}`)
        status = 22
      } else await save(response, has('O') ? path.basename(new URL(url).pathname) : value('o'))
      const report = value('w')
      if (report !== undefined)
        out(
          report
            .replaceAll('\\n', '\n')
            .replace(
              /%\{(\w+)\}/g,
              (_, name: string) =>
                ({ http_code: String(code), time_total: ((performance.now() - started) / 1000).toFixed(6) })[name] ??
                '',
            ),
        )
    } catch (error) {
      const [code, text] = curlCodes[(error as NodeJS.ErrnoException).code ?? ''] ?? [1, (error as Error).message]
      if (!has('s') || has('S')) complain(`curl: (${code}) ${text}: ${new URL(url).host}`)
      status = code
    }
  }
  return status
}

const pairs = (raw: readonly string[]): string =>
  raw.map((text, index) => (index % 2 ? `${text}\n` : `${text}: `)).join('')

export const wget: Applet = async (args) => {
  const { has, value, values, rest } = options(args, 'qO:T:SY:U:P:h:p:ks', {
    quiet: 'q',
    'output-document': 'O',
    timeout: 'T',
    header: 'h',
    'post-data': 'p',
    'no-check-certificate': 'k',
    spider: 's',
  })
  const [given] = rest
  if (given === undefined) throw new Usage('usage: wget [-q] [-O FILE] [-T SECONDS] URL')
  const url = withScheme(given)
  const timeout = value('T')
  const post = value('p')
  const headers: Record<string, string> = { 'User-Agent': value('U') ?? 'Wget' }
  for (const line of values('h')) headers[line.slice(0, line.indexOf(':'))] = line.slice(line.indexOf(':') + 1).trim()
  try {
    const fetch = {
      url,
      method: post === undefined ? 'GET' : 'POST',
      headers,
      insecure: has('k'),
      ...(post === undefined ? {} : { body: post }),
      ...(timeout === undefined ? {} : { timeoutMs: Number(timeout) * 1000 }),
    }
    const response = await follow(fetch, true)
    const code = response.statusCode ?? 0
    if (has('S'))
      complain(`  HTTP/${response.httpVersion} ${code} ${response.statusMessage}\n${pairs(response.rawHeaders)}`)
    if (code >= 400) {
      complain(`wget: server returned error: HTTP/${response.httpVersion} ${code} ${response.statusMessage}`)
      return 1
    }
    const file = value('O') ?? (path.basename(new URL(url).pathname) || 'index.html')
    if (has('s')) response.resume()
    else await save(response, file)
    if (!has('q') && !has('s')) complain(`'${file}' saved`)
    return 0
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const { hostname, port } = new URL(url)
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') complain(`wget: bad address '${hostname}'`)
    else
      complain(
        `wget: can't connect to remote host (${hostname}:${port || 80}): ${code === 'ETIMEDOUT' ? 'download timed out' : reason(error)}`,
      )
    return 1
  }
}

export const nslookup: Applet = async (args) => {
  const [name, server] = args.filter((argument) => !argument.startsWith('-'))
  if (name === undefined) throw new Usage('usage: nslookup NAME [SERVER]')
  const { promises: dns } = await import('node:dns')
  const resolver = new dns.Resolver({ timeout: 2000, tries: 2 })
  if (server !== undefined) resolver.setServers([server])
  const [used = '127.0.0.1'] = resolver.getServers()
  out(`Server:\t\t${used}\nAddress:\t${used.includes(':') ? used : `${used}:53`}\n\n`)
  if (net.isIP(name)) {
    const names = await resolver.reverse(name).catch(() => [])
    names.forEach((found) => out(`${name}\tname = ${found}\n`))
    return names.length ? 0 : 1
  }
  let last: unknown
  for (const candidate of candidates(name)) {
    const answers = await Promise.allSettled([resolver.resolve4(candidate), resolver.resolve6(candidate)])
    const addresses = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    last = answers[0].status === 'rejected' ? answers[0].reason : last
    if (!addresses.length) continue
    addresses.forEach((address) => out(`Name:\t${candidate}\nAddress: ${address}\n`))
    return 0
  }
  const { code } = (last ?? {}) as NodeJS.ErrnoException
  complain(
    code === 'ETIMEOUT' || code === 'ECONNREFUSED'
      ? ';; connection timed out; no servers could be reached'
      : `** server can't find ${name}: NXDOMAIN`,
  )
  return 1
}

/** The names to ask for: the resolver library of Node knows no search domains. */
function candidates(name: string): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)]
  let text = ''
  try {
    text = readFileSync('/etc/resolv.conf', 'utf8')
  } catch {
    // None: the name alone.
  }
  const searches = /^search\s+(.+)$/m.exec(text)?.[1]?.trim().split(/\s+/) ?? []
  const dots = Number(/\bndots:(\d+)/.exec(text)?.[1] ?? 1)
  const searched = searches.map((domain) => `${name}.${domain}`)
  return name.split('.').length > dots ? [name, ...searched] : [...searched, name]
}

export const nc: Applet = async (args) => {
  const { has, value, rest } = options(args, 'lp:w:zvnuk')
  const seconds = value('w')
  if (has('l')) return serve(Number(value('p') ?? rest.at(-1)))
  const [host, port] = rest
  if (host === undefined || port === undefined) throw new Usage('usage: nc [-z] [-w SECONDS] HOST PORT | nc -l -p PORT')
  return new Promise((resolve) => {
    const socket = net.connect({ host, port: Number(port), allowHalfOpen: true })
    if (seconds !== undefined)
      socket.setTimeout(Number(seconds) * 1000, () =>
        socket.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })),
      )
    socket.on('error', (error) => {
      complain(`nc: ${host} (${host}:${port}): ${reason(error)}`)
      resolve(1)
    })
    socket.on('connect', () => {
      if (has('v')) complain(`${host} (${host}:${port}) open`)
      if (!has('z')) return join(socket, resolve)
      socket.destroy()
      resolve(0)
    })
  })
}

function serve(port: number): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      server.close()
      join(socket, resolve)
    })
    server.on('error', (error) => {
      complain(`nc: ${reason(error)}`)
      resolve(1)
    })
    server.listen(port)
  })
}

function join(socket: net.Socket, done: (status: number) => void): void {
  process.stdin.pipe(socket)
  socket.on('data', (chunk: Buffer) => write(1, chunk))
  socket.on('end', () => done(0))
  socket.on('close', () => done(0))
}
