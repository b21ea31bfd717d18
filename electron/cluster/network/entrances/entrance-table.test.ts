import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { hasRoute } from './entrance-table.ts'

const canIsolate =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  ['nft', 'ip'].every((command) => spawnSync('which', [command]).status === 0)
const child = fileURLToPath(new URL('./entrance-table.test-child.ts', import.meta.url))

it.runIf(canIsolate)(
  'makes cluster IPs reachable for the host and for the pods of their own cluster, and leaves nothing behind',
  () => {
    const machine = `wh-test-${process.pid}`
    expect(spawnSync('ip', ['netns', 'add', machine]).status).toBe(0)
    try {
      const ran = spawnSync('ip', ['netns', 'exec', machine, process.execPath, child, `${machine}-`], {
        encoding: 'utf8',
        timeout: 40_000,
      })
      expect(ran.stderr).toBe('')
      expect(JSON.parse(ran.stdout)).toEqual({
        'host to each cluster': ['a', 'b'],
        'host and pod to a further range': ['b', 'b', 'ECONNREFUSED'],
        'a range that has gone': '',
        'pods to the address that both have': ['a', 'b'],
        'pod to the other cluster': true,
        datagrams: 'b from 10.96.5.7',
        'no endpoints': ['ECONNREFUSED', 'ECONNREFUSED'],
        'after the endpoints moved': ['a', 'ECONNREFUSED'],
        limits: [],
        'of the other cluster, after one has gone': 'b',
        'left behind': ['', '', ''],
      })
    } finally {
      for (const name of [machine, `${machine}-a`, `${machine}-b`]) spawnSync('ip', ['netns', 'delete', name])
    }
  },
  60_000,
)

const routes = (...lines: string[]) =>
  ['Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask', ...lines].join('\n')

it.each([
  ['nothing', routes(), false],
  ['a default route', routes('eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000'), true],
  ['a default route that is down', routes('eth0\t00000000\t0100A8C0\t0000\t0\t0\t0\t00000000'), false],
  ['a route to it', routes('eth0\t0000600A\t00000000\t0001\t0\t0\t0\t0000FFFF'), true],
  ['the route of another cluster', routes('lo\t0000600A\t00000000\t0001\t0\t0\t0\t0000FFFF'), false],
  ['a route elsewhere', routes('eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF'), false],
])('tells whether the service range is routed: %s', (_, table, expected) => {
  expect(hasRoute('10.96.0.0/16', table)).toBe(expected)
})
