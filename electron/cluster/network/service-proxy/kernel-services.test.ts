import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const canIsolate =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  ['nft', 'ip'].every((command) => spawnSync('which', [command]).status === 0)
const child = fileURLToPath(new URL('./kernel-services.test-child.ts', import.meta.url))

it.runIf(canIsolate)(
  'the kernel leads pods to the endpoints of Services, who see the pods, and lets go of what has gone',
  () => {
    const machine = `wh-test-k${process.pid}`
    expect(spawnSync('ip', ['netns', 'add', machine]).status).toBe(0)
    try {
      const ran = spawnSync('ip', ['netns', 'exec', machine, process.execPath, child, `${machine}-`], {
        encoding: 'utf8',
        timeout: 50_000,
      })
      expect(ran.stderr).toBe('')
      const [one, two] = ['one sees 10.244.0.3', 'two sees 10.244.0.3']
      expect(JSON.parse(ran.stdout)).toEqual({
        both: [one, one, two, two],
        sticky: 1,
        'no longer sticky': 2,
        local: [
          [one, one],
          ['two sees 10.244.0.1', 'two sees 10.244.0.1'],
        ],
        itself: ['one sees 10.244.0.1'],
        'from outside': [[two], [two]],
        'Local at each node, from its pods and from others': [
          [[one], ['ECONNREFUSED']],
          [['one sees 10.244.0.130'], ['one sees 10.244.0.130']],
        ],
        'Local at each node, from the machine': ['one sees 10.244.0.1', 'one sees 10.244.0.129'],
        'no service': ['ECONNREFUSED'],
        nobody: [['ECONNREFUSED'], ['ECONNREFUSED']],
        'datagrams of one client': ['one', 'two', 'one'],
        limits: [],
        'left behind': '',
      })
    } finally {
      for (const name of [machine, ...['one', 'two', 'client'].map((pod) => `${machine}-${pod}`)])
        spawnSync('ip', ['netns', 'delete', name])
    }
  },
  60_000,
)
