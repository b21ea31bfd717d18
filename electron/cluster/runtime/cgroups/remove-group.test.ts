import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { findLayout } from './layout.ts'
import { removeGroup } from './remove-group.ts'

const layout = process.platform === 'linux' && process.getuid?.() === 0 ? findLayout() : undefined

it.runIf(layout)('a control group is removed when its last process has gone', async () => {
  const group = path.join(layout!.memory, `wheelhouse-test-${process.pid}`)
  mkdirSync(group)
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' })
  await once(child, 'spawn')
  writeFileSync(path.join(group, 'cgroup.procs'), String(child.pid))
  const removed = removeGroup(group, systemClock)
  expect(existsSync(group)).toBe(true)
  child.kill('SIGKILL')
  expect([await removed, existsSync(group), await removeGroup(group, systemClock)]).toEqual([true, false, true])
})
