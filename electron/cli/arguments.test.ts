import { describe, expect, it } from 'vitest'
import { parseCommand } from './arguments.ts'

const up = (...args: string[]) => {
  const parsed = parseCommand(['up', ...args], '/home/me')
  if (parsed.command !== 'up') throw new Error('not up')
  return parsed.options
}

describe('wheelhouse up', () => {
  it('keeps the kubeconfig inside the data directory, never in ~/.kube', () => {
    expect(up('--data', 'lab')).toMatchObject({ dataDirectory: '/home/me/lab', kubeconfig: '/home/me/lab/kubeconfig' })
    expect(up().kubeconfig).not.toContain('.kube')
  })

  it('starts one process node on lmdb unless told otherwise', () => {
    expect(up()).toMatchObject({
      nodes: { process: 1, cri: 0, engine: 0, simulated: 0 },
      store: 'lmdb',
      bare: false,
      port: 0,
    })
    expect(up('--nodes', 'simulated=3').nodes).toEqual({ process: 0, cri: 0, engine: 0, simulated: 3 })
    expect(up('--simulated-devices', '4').simulatedDevices).toBe(4)
    expect(() => up('--simulated-devices', '129')).toThrow(
      '--simulated-devices takes a number from 0 to 128, not "129".',
    )
    expect(up('--nodes', 'cri=1', '--cri-socket', '/run/mine.sock')).toMatchObject({
      nodes: { process: 0, cri: 1, engine: 0, simulated: 0 },
      criSocket: '/run/mine.sock',
    })
    expect(up('--nodes', 'engine=1', '--engine-socket', 'unix:///run/mine.sock')).toMatchObject({
      nodes: { process: 0, cri: 0, engine: 1, simulated: 0 },
      engineSocket: 'unix:///run/mine.sock',
    })
  })

  it('takes an etcd of several members, and its certificates', () => {
    expect(up('--store', 'etcd=https://a:2379,https://b:2379', '--etcd-cafile', 'ca.pem').store).toEqual({
      urls: ['https://a:2379', 'https://b:2379'],
      caFile: '/home/me/ca.pem',
    })
  })

  it('takes what pods get to end, for all or by priority', () => {
    expect(up().shutdownGraces).toBeUndefined()
    expect(up('--shutdown-grace', '30').shutdownGraces).toEqual([{ priority: 0, seconds: 30 }])
    expect(up('--shutdown-grace', '0=20,2000000000=10').shutdownGraces).toEqual([
      { priority: 0, seconds: 20 },
      { priority: 2_000_000_000, seconds: 10 },
    ])
  })

  it.each([
    [['--shutdown-grace', '30s'], '--shutdown-grace takes seconds'],
    [['--shutdown-grace', '5,0=6'], '--shutdown-grace names each priority once'],
    [['--port', 'http'], '--port takes a port'],
    [['--port', '70000'], '--port takes a port'],
    [['--nodes', 'process=one'], '--nodes takes a list'],
    [['--nodes', 'cri=2'], 'at most cri=1'],
    [['--nodes', 'engine=2'], 'at most engine=1'],
    [['--store', 'redis'], '--store takes lmdb, memory or etcd='],
    [['--store', 'etcd=127.0.0.1'], '--store etcd= takes URLs such as'],
    [['--etcd-cafile', 'x'], 'need --store etcd='],
    [['--store', 'etcd=https://a:1', '--etcd-keyfile', 'x'], 'go together'],
    [['--prot', '1'], '--prot'],
  ])('refuses %j with the flag named', (args, message) => {
    expect(() => up(...args)).toThrow(message)
  })
})

describe('wheelhouse serve', () => {
  it('takes several kubeconfigs after --contexts', () => {
    expect(parseCommand(['serve', '--contexts', 'a', '/b'], '/w')).toMatchObject({
      options: { contexts: ['/w/a', '/b'] },
    })
  })

  it('listens on loopback only', () => {
    expect(() => parseCommand(['serve', '--host', '0.0.0.0'], '/')).toThrow('loopback')
  })
})

describe('wheelhouse snapshot', () => {
  it('takes a file, and a directory to restore it to', () => {
    expect(parseCommand(['snapshot', 'restore', 'lab.snapshot', '--data', 'b'], '/w')).toEqual({
      command: 'snapshot',
      snapshot: { action: 'restore', file: '/w/lab.snapshot', dataDirectory: '/w/b' },
    })
  })

  it.each([
    [['snapshot'], 'save or restore'],
    [['snapshot', 'save'], 'one FILE'],
    [['snapshot', 'restore', 'x'], '--data DIR'],
  ])('refuses %j with what is missing', (args, message) => {
    expect(() => parseCommand(args, '/')).toThrow(message)
  })
})

it('names the commands when it does not know one', () => {
  expect(() => parseCommand(['upp'], '/')).toThrow('Commands: up, serve')
})
