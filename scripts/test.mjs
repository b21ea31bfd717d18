// `npm test`: installs what is missing, then types, lint, formatting, import laws, every suite. Ends with `N passed, N failed`.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { build } from './build.mjs'
import { check } from './check.mjs'
import { installSystemPackages } from './system-packages.mjs'
import { bin, installMissing, root, run24 } from './toolchain.mjs'

let passed = 0
let failed = 0
const failures = []
const count = (title, ok) => {
  if (ok) passed++
  else {
    failed++
    failures.push(title)
  }
}

/** Runs the projects to their end and counts every test. A file that could not be run counts as one failure. */
function runSuites(projects) {
  const report = path.join(root, 'out', `test-report-${projects[0]}.json`)
  mkdirSync(path.dirname(report), { recursive: true })
  rmSync(report, { force: true })
  const output = ['--silent=passed-only', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  run24([bin('vitest'), 'run', ...projects.flatMap((name) => ['--project', name]), ...output])
  const { testResults } = JSON.parse(readFileSync(report, 'utf8'))
  for (const { name, status, message, assertionResults } of testResults) {
    const file = path.relative(root, name)
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed'))
      count(`${file}: ${message.split('\n')[0]}`, false)
    for (const { fullName, status: outcome } of assertionResults) {
      if (outcome === 'passed') count(fullName, true)
      else if (outcome === 'failed') count(`${file} > ${fullName}`, false)
      else if (process.env.CI) count(`${file} > ${fullName} (skipped)`, false)
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
  for (const { title, ok } of check({ units: false })) count(title, ok)
  build()

  // Suites across layers time-share the machine with nothing else.
  for (const projects of [['unit', 'renderer', 'machine'], ['system']]) runSuites(projects)
} catch (error) {
  console.error(error.message)
  count(error.message, false)
}
for (const title of failures) console.error(`✗ ${title}`)
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed ? 1 : 0)
