import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { temporaryFolder, up, type UpReady } from '../support/cluster.ts'
import { kubectl, type Kubectl } from '../support/kubectl.ts'
import { leftovers, processesOf } from '../support/leftovers.ts'
import { alive, root } from '../support/processes.ts'
import { eventually } from '../support/wait.ts'
import { allReady, census, deploySample, pods, uids } from './sample.ts'

let folder: ReturnType<typeof temporaryFolder>
let data: string
beforeEach(() => {
  folder = temporaryFolder()
  data = `${folder.path}/data`
})
afterEach(() => folder[Symbol.dispose]())

/** Two seconds are promised; a machine that runs other suites gets ten before the test fails. */
const allowed = 10_000

/** Sends the signal, and resolves with the milliseconds until no process of the cluster is left. */
async function end(pid: number, signal: NodeJS.Signals): Promise<number> {
  const processes = processesOf(data)
  const started = performance.now()
  process.kill(pid, signal)
  await eventually('no process left', () => !processes.some(alive), 15_000)
  const took = performance.now() - started
  expect(leftovers(data)).toEqual([])
  return took
}

describe('SIGTERM to the pid', () => {
  it('ends everything, twenty pods included, and the next start has the same pods', async ({ annotate }) => {
    const cluster = await up([], data)
    await deploySample(cluster, 20)
    const before = uids(await pods(cluster))
    expect(census(data).applications).toHaveLength(20)
    const took = await end(cluster.pid, 'SIGTERM')
    await annotate(`everything gone after ${Math.round(took)} ms`)
    expect(await cluster.process.exited).toBe(0)
    expect(took).toBeLessThan(allowed)

    await using again = await up([], data)
    expect(again.server).toBe(cluster.server)
    // As after a reboot of the node: each container once more, and its end is on record.
    const after = await allReady(again, { count: 20, restarts: 1 })
    expect(uids(after)).toEqual(before)
    for (const { status } of after)
      expect(status!.containerStatuses![0]?.lastState?.terminated?.finishedAt).toBeDefined()
  }, 240_000)

  it('a second one, and SIGINT, are patient with the first', async () => {
    const cluster = await up([], data)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGTERM'] as const) process.kill(cluster.pid, signal)
    expect(await cluster.process.exited).toBe(0)
    expect(leftovers(data)).toEqual([])
  })
})

describe('a cluster that gives its pods time', () => {
  /** Takes a second to end, and says so in a file that stays. */
  const slow = (name: string, priorityClassName: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { app: 'hello' } },
    spec: {
      ...(priorityClassName ? { priorityClassName } : {}),
      containers: [
        {
          name: 'main',
          image: 'wheelhouse/shell',
          command: [
            'node',
            '-e',
            `process.on('SIGTERM', () => setTimeout(() => {
              fs.appendFileSync('/out/ends', '${name} ')
              process.exit(0)
            }, 1000))
            fs.writeFileSync('/out/${name}', '')
            setInterval(() => {}, 1000)`,
          ],
          volumeMounts: [{ name: 'out', mountPath: '/out' }],
        },
      ],
      volumes: [{ name: 'out', hostPath: { path: folder.path } }],
    },
  })

  it('ends critical pods last, leaves nothing, and the next start knows why they ended', async () => {
    const cluster = await up(['--shutdown-grace', '0=20,2000000000=10'], data)
    const items = [slow('critical', 'system-node-critical'), slow('usual', '')]
    const { code, stderr } = await cluster.kubectl.run(
      ['create', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    )
    expect([code, stderr]).toEqual([0, ''])
    await eventually(
      'both hear signals',
      () => ['critical', 'usual'].every((name) => existsSync(`${folder.path}/${name}`)),
      60_000,
    )
    await end(cluster.pid, 'SIGTERM')
    expect(await cluster.process.exited).toBe(0)
    expect(readFileSync(`${folder.path}/ends`, 'utf8')).toBe('usual critical ')

    await using again = await up([], data)
    const because = 'Pod was terminated in response to imminent node shutdown.'
    expect((await pods(again)).map(({ metadata, status }) => [metadata?.name, status])).toEqual(
      ['critical', 'usual'].map((name) => [
        name,
        expect.objectContaining({ phase: 'Failed', reason: 'Terminated', message: because }),
      ]),
    )
  }, 120_000)
})

describe('the launcher', () => {
  /** `npm run wheelhouse -- up`, as a person would. */
  async function launch(): Promise<{ npm: ChildProcess; kubectl: Kubectl }> {
    const npm = spawn('npm', ['run', '--silent', 'wheelhouse', '--', 'up', '--data', data], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let text = ''
    npm.stdout.on('data', (chunk) => (text += chunk))
    await eventually('the ready line', () => text.includes('\n'))
    // Nothing but the one line on stdout.
    expect(text.trimEnd().split('\n')).toHaveLength(1)
    return { npm, kubectl: kubectl((JSON.parse(text) as UpReady).kubeconfig) }
  }

  const launcher = (): number => processesOf('scripts/wheelhouse.mjs').find((pid) => processesOf(data).includes(pid))!

  it.for([
    ['npm is asked to end', 'npm', 'SIGTERM'],
    ['npm is killed', 'npm', 'SIGKILL'],
    ['the launcher below npm is killed', 'launcher', 'SIGKILL'],
  ] as const)('takes the cluster along when %s', { timeout: 60_000 }, async ([, target, signal], { annotate }) => {
    const { npm, ...cluster } = await launch()
    await deploySample(cluster, 2)
    const took = await end(target === 'npm' ? npm.pid! : launcher(), signal)
    await annotate(`everything gone after ${Math.round(took)} ms`)
    expect(took).toBeLessThan(allowed)
  })
})
