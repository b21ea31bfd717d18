import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { temporaryFolder } from '../support/cluster.ts'
import { alive, root } from '../support/processes.ts'
import { rawClient } from '../support/raw.ts'
import { eventually } from '../support/wait.ts'

const folder = temporaryFolder()
afterAll(() => folder[Symbol.dispose]())

const hasStrace = process.platform === 'linux' && spawnSync('strace', ['-V']).status === 0

/** What a line of strace tells that matters here, once the call has returned. */
type Step = 'sync' | 'header' | { read: number } | { write: number }

/** In the order in which calls returned; writes to a socket in the order in which they began: then they leave. */
function stepsOf(trace: string): Step[] {
  const pending = new Map<string, string>()
  const steps: Step[] = []
  for (const line of trace.split('\n')) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    const call = rest.startsWith('<... ') ? `${pending.get(thread)}${rest.replace(/^<\.\.\. \w+ resumed>/, '')}` : rest
    const begun = !rest.startsWith('<... ')
    if (begun && rest.endsWith('<unfinished ...>')) pending.set(thread, rest.replace(/ *<unfinished \.\.\.>$/, ''))
    const [, name, descriptor] = /^(\w+)\((\d+)/.exec(call) ?? []
    if (begun && /^(write|writev|sendto|sendmsg)$/.test(name ?? '')) steps.push({ write: Number(descriptor) })
    const result = /\) += (-?\d+)/.exec(call)?.[1]
    if (result === undefined || Number(result) < 0) continue
    if (name === 'fdatasync') steps.push('sync')
    // LMDB's header goes through a descriptor that syncs each write.
    else if (name === 'pwrite64' && result === '128') steps.push('header')
    // Streams are read 64 KiB at a time, event descriptors are not.
    else if (/^read\(\d+, .*, 65536\) += [1-9]/.test(call)) steps.push({ read: Number(descriptor) })
  }
  return steps
}

/** The socket that was read and answered most often: the client's. */
function clientOf(steps: readonly Step[]): number {
  const counts = new Map<number, number>()
  for (const step of steps)
    if (typeof step === 'object' && 'read' in step) counts.set(step.read, (counts.get(step.read) ?? 0) + 1)
  const answered = new Set(steps.flatMap((step) => (typeof step === 'object' && 'write' in step ? [step.write] : [])))
  return [...counts].filter(([descriptor]) => answered.has(descriptor)).toSorted((a, b) => b[1] - a[1])[0]![0]
}

/** Per request: what happened between its arrival and the first byte of its answer. */
function requestsOf(steps: readonly Step[]): string[] {
  const client = clientOf(steps)
  const requests: string[] = []
  let current: string[] | undefined
  for (const step of steps) {
    if (typeof step === 'string') current?.push(step)
    else if ('read' in step && step.read === client) current ??= []
    else if ('write' in step && step.write === client && current) {
      requests.push(current.join(' '))
      current = undefined
    }
  }
  return requests
}

it.runIf(hasStrace)('no write is answered before its fdatasync', { timeout: 60_000 }, async () => {
  const data = path.join(folder.path, 'data')
  const file = path.join(folder.path, 'trace')
  const calls = 'trace=fdatasync,pwrite64,read,write,writev,sendto,sendmsg'
  const cli = [process.execPath, path.join(root, 'out', 'node', 'cli.mjs'), 'up', '--bare', '--data', data]
  const traced = spawn('strace', ['-f', '-qq', '-s', '0', '-e', calls, '-e', 'signal=none', '-o', file, ...cli], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  traced.stdout.on('data', (chunk) => (text += chunk))
  await eventually('the ready line', () => text.includes('\n'), 40_000)
  const { pid, kubeconfig } = JSON.parse(text) as { pid: number; kubeconfig: string }
  const rounds = 20
  {
    using client = rawClient(kubeconfig, 1)
    const collection = '/api/v1/namespaces/default/configmaps'
    const object = (name: string, round: number) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { round: String(round) },
    })
    // The first exchange on the connection carries the end of the handshake too.
    await client.request('GET', collection)
    for (let i = 0; i < rounds; i++) {
      const name = `durable-${i}`
      expect((await client.request('POST', collection, object(name, 0))).status).toBe(201)
      expect((await client.request('PUT', `${collection}/${name}`, object(name, 1))).status).toBe(200)
      expect((await client.request('GET', `${collection}/${name}`)).status).toBe(200)
      expect((await client.request('DELETE', `${collection}/${name}`)).status).toBe(200)
    }
  }
  process.kill(pid, 'SIGTERM')
  await new Promise((resolve) => traced.once('close', resolve))
  expect(alive(pid)).toBe(false)

  const requests = requestsOf(stepsOf(readFileSync(file, 'utf8'))).slice(-4 * rounds)
  // Reads are answered without: so it is the writes that wait.
  expect(requests).toEqual(
    Array.from({ length: rounds }, () => ['sync header', 'sync header', '', 'sync header']).flat(),
  )
})
