import { afterEach, beforeEach, expect, it } from 'vitest'
import { temporaryFolder, up } from '../support/cluster.ts'

let folder: ReturnType<typeof temporaryFolder>
beforeEach(() => void (folder = temporaryFolder()))
afterEach(() => folder[Symbol.dispose]())

/** All that a bare cluster says on stderr from its start to its end. */
async function saidByOne(env: Record<string, string>): Promise<string> {
  const cluster = await up(['--bare'], `${folder.path}/data`, { env })
  await cluster[Symbol.asyncDispose]()
  return cluster.process.output().stderr
}

it('compiles no bundle that an earlier start has compiled', async () => {
  const env = { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }
  await saidByOne(env)
  const said = (await saidByOne(env)).split('\n')
  const chunks = said.filter((line) => /^\[compile cache\] reading cache .*\/out\/node\/chunks\//.test(line))
  expect(chunks.length).toBeGreaterThan(5)
  expect(chunks.filter((line) => !line.includes('success'))).toEqual([])
  expect(said.filter((line) => line.includes('was rejected'))).toEqual([])
})

it('evaluates no part of Node that it has no use for', async () => {
  const program = `process.on('exit', () => console.error('loaded ' + process.moduleLoadList.join()))`
  const said = await saidByOne({ NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(program)}` })
  expect(said).toContain('NativeModule https')
  expect(said).not.toContain('undici')
})
