import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'

const preload = pathToFileURL(path.join(import.meta.dirname, 'files.mjs')).href
let folder: string
let root: string

beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'wh-files-')))
  root = path.join(folder, 'root')
  mkdirSync(path.join(root, 'app'), { recursive: true })
  mkdirSync(path.join(root, 'tmp'))
  mkdirSync(path.join(root, 'etc/settings'), { recursive: true })
  mkdirSync(path.join(folder, 'volume'))
  writeFileSync(path.join(folder, 'volume', 'key'), 'value')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** What a script prints that runs in the container's view, in /app. */
function run(script: string): string {
  const files = { root, mounts: [['/etc/settings', path.join(folder, 'volume')]], shared: [path.join(folder, 'node')] }
  const env = { WHEELHOUSE_FILES: JSON.stringify(files), HOSTNAME: 'pod-1', NODE_OPTIONS: `--import=${preload}` }
  return execFileSync(process.execPath, ['-e', script], { cwd: path.join(root, 'app'), env, encoding: 'utf8' }).trim()
}

it('shows volumes where they are mounted, by every form of fs', () => {
  expect(run("console.log(fs.readFileSync('/etc/settings/key', 'utf8'))")).toBe('value')
  expect(run("fs.readFile('/etc/settings/key', 'utf8', (error, text) => console.log(text))")).toBe('value')
  expect(run("fs.promises.readFile('/etc/settings/key', 'utf8').then(console.log)")).toBe('value')
  expect(run("fs.createReadStream('/etc/settings/key').on('data', (data) => console.log(String(data)))")).toBe('value')
  expect(run("import('node:fs').then(({ statSync }) => console.log(statSync('/etc/settings').isDirectory()))")).toBe(
    'true',
  )
})

it('keeps what is written in the root of the container', () => {
  run(
    "fs.writeFileSync('/tmp/note', 'here'); fs.renameSync('/tmp/note', '/tmp/moved'); fs.writeFile('/tmp/late', '', () => {})",
  )
  expect(run("console.log(fs.readdirSync('/tmp').join())")).toBe('late,moved')
  expect(run("console.log(fs.existsSync('/etc/passwd'), fs.existsSync(process.execPath))")).toBe('false true')
})

it('names places as the container knows them, volumes among them', () => {
  expect(run('console.log(process.cwd())')).toBe('/app')
  expect(
    run("process.chdir('/etc/settings'); console.log(process.cwd()); process.chdir('..'); console.log(process.cwd())"),
  ).toBe('/etc/settings\n/etc')
  expect(
    run("process.chdir('/'); console.log(fs.readFileSync('etc/settings/key', 'utf8'), fs.realpathSync('tmp'))"),
  ).toBe('value /tmp')
  expect(
    run("fs.symlinkSync('/tmp', '/app/link'); console.log(fs.readlinkSync('/app/link'), fs.realpathSync('/app/link'))"),
  ).toBe('/tmp /tmp')
  expect(run("console.log(require('node:os').hostname())")).toBe('pod-1')
})

it('starts Node programs of the container in folders of the container', () => {
  writeFileSync(
    path.join(root, 'app', 'program.cjs'),
    "console.log(process.cwd(), require('node:fs').existsSync('/app'))",
  )
  const start =
    "require('node:child_process').spawn(process.execPath, ['/app/program.cjs'], { cwd: '/tmp', stdio: 'inherit' })"
  expect(run(start)).toBe('/tmp true')
})

it('does not lead out of the root by going up', () => {
  expect(run("console.log(fs.readdirSync('../../../..').sort().join())")).toBe('app,etc,tmp')
})
