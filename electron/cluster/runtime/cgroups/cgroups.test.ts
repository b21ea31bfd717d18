import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../base/fake-clock.ts'
import { Cgroups } from './cgroups.ts'
import { findLayout } from './layout.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'cgroups-'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** A kernel makes these files with the group; here they must be there before. */
function group(name: string, files: Record<string, string>): void {
  mkdirSync(path.join(root, name), { recursive: true })
  for (const [file, content] of Object.entries(files)) writeFileSync(path.join(root, name, file), content)
}
const read = (...names: string[]) => readFileSync(path.join(root, ...names), 'utf8')

describe('control groups of version 2', () => {
  let cgroups: Cgroups
  beforeEach(() => {
    group('', { 'cgroup.controllers': 'cpu memory pids', 'cgroup.subtree_control': '' })
    group('ours', { 'cgroup.subtree_control': '' })
    group('ours/pod', { 'memory.max': 'max', 'cpu.max': 'max 100000', 'cpu.weight': '100', 'pids.max': 'max' })
    group('ours/pod', { 'cgroup.subtree_control': '' })
    group('ours/pod/main', { 'memory.max': 'max', 'cpu.max': 'max 100000', 'cpu.weight': '100' })
    group('ours/pod/main', { 'memory.oom.group': '0' })
    cgroups = new Cgroups(findLayout(root)!, 'ours', new FakeClock())
  })

  it('hold a container to quota, weight and memory, and have it die as a whole', () => {
    const resources = { cpuLimitMilli: 500, cpuRequestMilli: 250, memoryLimitBytes: 1024 ** 2 }
    const { join, oomFile } = cgroups.create('pod', 'main', resources)
    expect(read('ours/pod/main/memory.max')).toBe('1048576')
    expect(read('ours/pod/main/cpu.max')).toBe('50000 100000')
    expect(read('ours/pod/main/cpu.weight')).toBe('10')
    expect(read('ours/pod/main/memory.oom.group')).toBe('1')
    expect(join).toEqual([path.join(root, 'ours/pod/main/cgroup.procs')])
    expect(oomFile).toBe(path.join(root, 'ours/pod/main/memory.events'))
  })

  it('bound the processes of a pod', () => {
    cgroups.createPod('pod', { memoryLimitBytes: 2048 })
    expect(read('ours/pod/pids.max')).toBe('4096')
    expect(read('ours/pod/memory.max')).toBe('2048')
  })

  it('of pods of an earlier run are removed, but for those that live', async () => {
    mkdirSync(path.join(root, 'ours/dead/main'), { recursive: true })
    mkdirSync(path.join(root, 'ours/bare'))
    await cgroups.retain(new Set(['pod']))
    expect(readdirSync(path.join(root, 'ours')).sort()).toEqual(['cgroup.subtree_control', 'pod'])
  })

  it('take limits away again', () => {
    cgroups.create('pod', 'main', { cpuLimitMilli: 500, memoryLimitBytes: 4096 })
    cgroups.update({ cpuRequestMilli: 1000 }, 'pod', 'main')
    expect(read('ours/pod/main/memory.max')).toBe('max')
    expect(read('ours/pod/main/cpu.max')).toBe('max 100000')
    expect(read('ours/pod/main/cpu.weight')).toBe('39')
  })

  it('count what was used', () => {
    group('ours/pod/main', {
      'memory.current': '5000\n',
      'memory.stat': 'anon 3000\nfile 1500\ninactive_file 1000\npgfault 7\npgmajfault 2\n',
      'cpu.stat': 'usage_usec 1500\nnr_periods 10\nnr_throttled 4\nthrottled_usec 60\n',
      'pids.current': '3\n',
    })
    expect(cgroups.usage('pod', 'main')).toEqual({
      cpuNanos: 1_500_000,
      memoryBytes: 4000,
      details: {
        usageBytes: 5000,
        rssBytes: 3000,
        cacheBytes: 1500,
        pageFaults: 7,
        majorPageFaults: 2,
        processes: 3,
        periods: 10,
        throttledPeriods: 4,
        throttledNanos: 60_000,
      },
    })
  })
})

describe('control groups of version 1', () => {
  it('are one tree for each controller, those of CPU under either name', () => {
    for (const name of ['memory', 'cpu,cpuacct', 'pids']) group(name, { tasks: '' })
    group('devices', { 'cgroup.procs': '' })
    group('no-group', {})
    expect(findLayout(root)).toEqual({
      memory: path.join(root, 'memory'),
      cpu: path.join(root, 'cpu,cpuacct'),
      cpuacct: path.join(root, 'cpu,cpuacct'),
      pids: path.join(root, 'pids'),
      v2: false,
      others: [path.join(root, 'devices')],
    })
  })

  it('tell what the kernel refuses when a running container is resized', () => {
    for (const name of ['memory', 'cpu', 'cpuacct']) group(name, { tasks: '' })
    group('memory/ours/pod/main', { 'memory.limit_in_bytes': '9223372036854771712' })
    group('cpu/ours/pod/main', { 'cpu.cfs_quota_us': '-1', 'cpu.cfs_period_us': '100000' })
    mkdirSync(path.join(root, 'cpu/ours/pod/main/cpu.shares'))
    const cgroups = new Cgroups(findLayout(root)!, 'ours', new FakeClock())
    expect(() => cgroups.update({ memoryLimitBytes: 4096 }, 'pod', 'main')).toThrow('cpu.shares does not take 2')
    expect(read('memory/ours/pod/main/memory.limit_in_bytes')).toBe('4096')
    expect(read('cpu/ours/pod/main/cpu.cfs_quota_us')).toBe('-1')
  })
})
