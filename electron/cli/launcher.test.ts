import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'

let folder: string
beforeEach(() => void (folder = mkdtempSync(path.join(os.tmpdir(), 'launcher-'))))
afterEach(() => rmSync(folder, { recursive: true }))

/** A host that says when it is up and when it has stopped. */
async function host(stop: string): Promise<{ child: ChildProcess; said: () => string; ended: Promise<number | null> }> {
  const entry = path.join(folder, 'host.ts')
  writeFileSync(
    entry,
    `import { endWithLauncher } from ${JSON.stringify(path.join(import.meta.dirname, 'launcher.ts'))}
endWithLauncher(async () => { ${stop} })
setInterval(() => {}, 1000)
console.log('up')`,
  )
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  child.stderr!.on('data', (text) => (output += String(text)))
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  await new Promise<void>((resolve) =>
    child.stdout!.on('data', (text) => {
      output += String(text)
      if (output.includes('up')) resolve()
    }),
  )
  return { child, said: () => output, ended }
}

it.each(['SIGTERM', 'SIGINT'] as const)('stops in order on %s, once, however often it is told', async (signal) => {
  const { child, said, ended } = await host(
    `console.log('stopping'); await new Promise((r) => setTimeout(r, 100)); console.log('done')`,
  )
  child.kill(signal)
  child.kill(signal)
  expect(await ended).toBe(0)
  expect(said()).toBe('up\nstopping\ndone\n')
})

it('stops when its launcher is gone, however that died', async () => {
  const { child, said, ended } = await host(`console.log('stopping')`)
  child.disconnect()
  expect(await ended).toBe(0)
  expect(said()).toContain('stopping')
})

it('says so when stopping fails', async () => {
  const { child, said, ended } = await host(`throw new Error('no way')`)
  child.kill('SIGTERM')
  expect(await ended).toBe(1)
  expect(said()).toContain('stopping failed: no way')
})
