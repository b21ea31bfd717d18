import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { BuiltinStatus } from '#shared/ipc/hosts.ts'
import { Supervisor } from './supervisor.ts'

let folder: string
let data: string
let supervisor: Supervisor
let states: BuiltinStatus[]
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'supervisor-'))
  data = path.join(folder, 'data')
  states = []
})
afterEach(async () => {
  await supervisor[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true, force: true })
})

const ready = `process.send({ event: 'ready', server: 'https://127.0.0.1:1', kubeconfig: 'k', pid: process.pid })`
const orderly = `process.on('SIGTERM', () => process.exit(0)); process.on('disconnect', () => process.exit(0)); setInterval(() => {}, 1000)`

/** A cluster's process that does as told; it knows its data directory, and how often it was started. */
function child(script: string, options: Partial<ConstructorParameters<typeof Supervisor>[0]> = {}): Supervisor {
  const entry = path.join(folder, 'child.mjs')
  const runs = path.join(folder, 'runs')
  writeFileSync(
    entry,
    `import fs from 'node:fs'; import path from 'node:path'
const { dataDirectory } = JSON.parse(process.argv[2])
fs.appendFileSync(${JSON.stringify(runs)}, process.pid + '\\n')
const run = fs.readFileSync(${JSON.stringify(runs)}, 'utf8').split('\\n').length - 1
${script}`,
  )
  supervisor = new Supervisor({
    dataDirectory: data,
    nodeBinary: process.execPath,
    entry,
    restartDelays: [10],
    onStatus: (status) => states.push(status),
    ...options,
  })
  return supervisor
}
const until = (check: () => void) => vi.waitFor(check, 10_000)
const is = (state: BuiltinStatus['state']) => until(() => expect(supervisor.status.state).toBe(state))
const pids = () => readFileSync(path.join(folder, 'runs'), 'utf8').trim().split('\n').map(Number)
const lives = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

it('starts, says where the cluster is, and stops', async () => {
  child(`${orderly}; ${ready}`).start()
  await is('running')
  expect(supervisor.status).toMatchObject({
    server: 'https://127.0.0.1:1',
    kubeconfig: 'k',
    pid: pids()[0],
    restarts: 0,
    dataDirectory: data,
  })
  await supervisor.stop()
  expect(supervisor.status).toEqual({ state: 'stopped', dataDirectory: data, restarts: 0 })
  expect(lives(pids()[0]!)).toBe(false)
  expect(states.map(({ state }) => state)).toEqual(['starting', 'running', 'stopped'])
})

it('starts one process, however often it is asked', async () => {
  child(`${orderly}; ${ready}`)
  for (let i = 0; i < 5; i++) supervisor.start()
  await is('running')
  supervisor.start()
  await supervisor.stop()
  expect(pids()).toHaveLength(1)
})

it('stops in the middle of a start', async () => {
  child(`${orderly}; setTimeout(() => { ${ready} }, 200)`).start()
  await until(() => expect(existsSync(path.join(folder, 'runs'))).toBe(true))
  await supervisor.stop()
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(supervisor.status.state).toBe('stopped')
  expect(states.map(({ state }) => state)).not.toContain('running')
  expect(lives(pids()[0]!)).toBe(false)
})

it('starts anew when asked to in the middle of a stop', async () => {
  child(
    `process.on('SIGTERM', () => setTimeout(() => process.exit(0), 100)); setInterval(() => {}, 1000); ${ready}`,
  ).start()
  await is('running')
  const stopped = supervisor.stop()
  supervisor.start()
  await stopped
  await is('running')
  expect(pids()).toHaveLength(2)
  expect(supervisor.status.restarts).toBe(0)
})

it('ends a process that does not stop', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    child(`process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); ${ready}`).start()
    while (supervisor.status.state !== 'running') await new Promise((resolve) => setImmediate(resolve))
    const stopped = supervisor.stop()
    await new Promise((resolve) => setImmediate(resolve))
    await vi.advanceTimersByTimeAsync(21_000)
    await stopped
    expect(lives(pids()[0]!)).toBe(false)
  } finally {
    vi.useRealTimers()
  }
})

describe('a crash', () => {
  it('starts the cluster again, counted, with its last words', async () => {
    child(
      `${orderly}; ${ready}; if (run === 1) { console.error('noise'); console.error('out of memory'); setTimeout(() => process.exit(3), 50) }`,
    ).start()
    await until(() => expect(supervisor.status.restarts).toBe(1))
    await is('running')
    const restarting = states.find(({ state }) => state === 'restarting')
    expect(restarting?.message).toBe('The cluster stopped unexpectedly (code 3: out of memory) and is started again.')
    expect(pids()).toHaveLength(2)
  })

  it('is told from a kill', async () => {
    child(`${orderly}; ${ready}`).start()
    await is('running')
    process.kill(pids()[0]!, 'SIGKILL')
    await until(() => expect(states.find(({ state }) => state === 'restarting')?.message).toContain('(SIGKILL)'))
    await is('running')
  })

  it('after crash waits longer each time', async () => {
    const delays: number[] = []
    const timeout = vi.spyOn(globalThis, 'setTimeout')
    child(`${orderly}; ${ready}; if (run < 4) setTimeout(() => process.exit(1), 20)`, {
      restartDelays: [11, 22, 33],
    }).start()
    await until(() => expect(pids()).toHaveLength(4))
    await is('running')
    for (const [, delay] of timeout.mock.calls) if ([11, 22, 33].includes(delay as number)) delays.push(delay as number)
    timeout.mockRestore()
    expect(delays).toEqual([11, 22, 33])
    expect(supervisor.status.restarts).toBe(3)
  })

  it('of a process that was well for long counts as the first', async () => {
    child(`${orderly}; ${ready}; if (run < 4) setTimeout(() => process.exit(1), 20)`, {
      restartDelays: [10, 60_000],
      wellMs: 1,
    }).start()
    await until(() => expect(pids()).toHaveLength(4))
  })

  it('before it ever ran is given up after a few, with the last words and the cure', async () => {
    child(`console.error('Error: cannot find module'); process.exit(1)`).start()
    await is('failed')
    expect(pids()).toHaveLength(3)
    expect(supervisor.status).toMatchObject({
      message: 'The cluster does not start (code 1: Error: cannot find module).',
      cure: expect.stringContaining('logs') as string,
    })
  })

  it('is not repaired after a stop', async () => {
    child(`${orderly}; ${ready}; setTimeout(() => process.exit(1), 20)`, { restartDelays: [1500] }).start()
    await is('restarting')
    await supervisor.stop()
    await new Promise((resolve) => setTimeout(resolve, 1700))
    expect(pids()).toHaveLength(1)
    expect(supervisor.status.state).toBe('stopped')
  })
})

describe('a start that fails', () => {
  it('says why and how to cure it, in the cluster’s own words, and is not repeated until asked', async () => {
    // The process lingers, as one with open files does.
    child(
      `process.on('SIGTERM', () => process.exit(1)); setInterval(() => {}, 1000); process.send({ event: 'failed', message: 'The data directory is in use.', cure: 'Stop the other.' }); process.disconnect()`,
    ).start()
    await is('failed')
    expect(supervisor.status).toEqual({
      state: 'failed',
      message: 'The data directory is in use.',
      cure: 'Stop the other.',
      dataDirectory: data,
      restarts: 0,
    })
    expect(lives(pids()[0]!)).toBe(false)
    supervisor.start()
    await until(() => expect(states.filter(({ state }) => state === 'failed')).toHaveLength(2))
    expect(pids()).toHaveLength(2)
  })

  it('for want of a Node says so', async () => {
    child('', { nodeBinary: path.join(folder, 'no-node') }).start()
    await is('failed')
    expect(supervisor.status.message).toMatch(/could not be started: .*ENOENT/)
    await supervisor.stop()
    expect(supervisor.status.state).toBe('stopped')
  })
})

it('leaves no cluster behind when its own process dies', async () => {
  child(`${orderly}; ${ready}`)
  const entry = path.join(folder, 'child.mjs')
  const owner = path.join(folder, 'owner.ts')
  writeFileSync(
    owner,
    `import { Supervisor } from ${JSON.stringify(path.join(import.meta.dirname, 'supervisor.ts'))}
const supervisor = new Supervisor({ dataDirectory: ${JSON.stringify(data)}, nodeBinary: process.execPath, entry: ${JSON.stringify(entry)}, onStatus: ({ state, pid }) => state === 'running' && console.log(pid) })
supervisor.start()`,
  )
  const { spawn } = await import('node:child_process')
  const process_ = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', owner], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const pid = await new Promise<number>((resolve) =>
    process_.stdout.once('data', (line: Buffer) => resolve(Number(line.toString()))),
  )
  expect(lives(pid)).toBe(true)
  process_.kill('SIGKILL')
  await until(() => expect(lives(pid)).toBe(false))
})

describe('a reset', () => {
  const clusterFiles = [
    'pki/ca.crt',
    'store/data.mdb',
    'nodes/a/pod',
    'logs/cluster.log',
    'kubeconfig',
    'host.json',
    'LOCK',
  ]
  function fill(names: readonly string[]): void {
    for (const name of names) {
      mkdirSync(path.dirname(path.join(data, name)), { recursive: true })
      writeFileSync(path.join(data, name), 'x')
    }
  }

  it('forgets what the cluster made, and starts another', async () => {
    child(`${orderly}; ${ready}`).start()
    await is('running')
    fill(clusterFiles)
    await supervisor.reset()
    expect(readdirSync(data)).toEqual([])
    await is('running')
    expect(pids()).toHaveLength(2)
  })

  it('leaves alone what is not the cluster’s, in a folder that somebody named by mistake', async () => {
    fill([...clusterFiles, 'thesis.txt', 'photos/me.png'])
    await child(`${orderly}; ${ready}`).reset()
    expect(readdirSync(data).sort()).toEqual(['photos', 'thesis.txt'])
  })

  it('refuses a folder in which nothing is the cluster’s, and lets the cluster go on', async () => {
    child(`${orderly}; ${ready}`).start()
    await is('running')
    fill(['thesis.txt'])
    await expect(supervisor.reset()).rejects.toMatchObject({
      reason: 'NotOurs',
      message: expect.stringContaining(data) as string,
    })
    expect(readdirSync(data)).toEqual(['thesis.txt'])
    await is('running')
  })

  it('works where there is nothing yet', async () => {
    await child(`${orderly}; ${ready}`).reset()
    await is('running')
    expect(pids()).toHaveLength(1)
  })
})
