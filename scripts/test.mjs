// `npm test`: installs what is missing, then types, lint, formatting, import laws, every suite. Ends with `N passed, N failed`.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { build } from './build.mjs'
import { check } from './check.mjs'
import { installSystemPackages } from './system-packages.mjs'
import { bin, finish24, installMissing, root } from './toolchain.mjs'

let passed = 0
let failed = 0
const failures = []
const retried = []
const count = (title, ok) => {
  if (ok) passed++
  else {
    failed++
    failures.push(title)
  }
}

const giveUp = (error) => {
  console.error(error.message)
  count(error.message, false)
}

/** Suites across layers wait more than they compute: two lanes share the machine where each can have a network of its own. */
const lanes = [
  ['scenarios', '--project', 'system', 'tests/scenarios'],
  ['others', '--project', 'system', '--exclude', 'tests/scenarios/**'],
]

/** The program that gives a lane its network, so that ports, addresses and rules of two never meet. It reaches nothing outside. */
const ownNetwork = ['unshare', '--net', '--', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"']

const canSplit = () =>
  process.platform === 'linux' &&
  spawnSync(ownNetwork[0], [...ownNetwork.slice(1), 'true'], { stdio: 'ignore' }).status === 0

/** Runs suites to their end and counts every test. A file that could not be run counts as one failure. */
async function runSuites([name, ...selection], network = []) {
  const report = path.join(root, 'out', `test-report-${name}.json`)
  mkdirSync(path.dirname(report), { recursive: true })
  rmSync(report, { force: true })
  const output = ['--silent=passed-only', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  await finish24([bin('vitest'), 'run', ...selection, ...output], network)
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  for (const { name: file, status, message, assertionResults } of testResults) {
    const shown = path.relative(root, file)
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed'))
      count(`${shown}: ${message.split('\n')[0]}`, false)
    for (const { fullName, status: outcome, failureMessages } of assertionResults) {
      if (outcome === 'passed') {
        count(fullName, true)
        if (failureMessages.length) retried.push(`${shown} > ${fullName}: ${failureMessages[0].split('\n')[0]}`)
      } else if (outcome === 'failed') count(`${shown} > ${fullName}`, false)
      else if (process.env.CI) count(`${shown} > ${fullName} (skipped)`, false)
    }
  }
}

try {
  installMissing()
  const missing = installSystemPackages()
  // Suites fail by themselves where a program is missing; in CI its absence is a failure of its own.
  for (const command of missing) {
    console.error(`${command} is not on this machine: the suites that need it will fail.`)
    if (process.env.CI) count(`${command} is installed`, false)
  }
  for (const { title, ok } of await check({ units: false })) count(title, ok)
  build()

  await runSuites(['units', ...['unit', 'renderer', 'machine'].flatMap((name) => ['--project', name])])
  if (canSplit()) {
    // What one lane counted stands, however the other ended.
    for (const { reason } of await Promise.allSettled(lanes.map((lane) => runSuites(lane, ownNetwork))))
      if (reason) giveUp(reason)
  } else await runSuites(['system', '--project', 'system'])
} catch (error) {
  giveUp(error)
}
for (const title of retried) console.error(`↻ passed at its second attempt: ${title}`)
for (const title of failures) console.error(`✗ ${title}`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
