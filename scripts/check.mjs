// The fast part of the tests: types, lint, formatting, import laws, unit tests.
import { bin, collect24, installMissing } from './toolchain.mjs'

const steps = [
  ['types of shared/', 'typescript', ['tsc'], ['-p', 'tsconfig.shared.json']],
  ['types of electron/ and tests/', 'typescript', ['tsc'], ['-p', 'tsconfig.node.json']],
  ['types of the preload script', 'typescript', ['tsc'], ['-p', 'tsconfig.preload.json']],
  ['types of renderer/', 'vue-tsc', [], ['-p', 'tsconfig.renderer.json']],
  ['lint', 'oxlint', [], ['--type-aware', '--deny-warnings']],
  ['formatting', 'prettier', [], ['--check', '--cache', '--log-level', 'warn', '.']],
  [
    'import laws',
    'dependency-cruiser',
    ['depcruise'],
    ['shared', 'electron', 'renderer', 'tests', '--output-type', 'err'],
  ],
]
const unitTests = [
  'unit tests',
  'vitest',
  [],
  ['run', '--project', 'unit', '--project', 'renderer', '--silent=passed-only'],
]

/** Runs a step; what it prints comes in one piece at its end. */
async function run([title, packageName, [command = packageName], args]) {
  const start = Date.now()
  const { code, output } = await collect24([bin(packageName, command), ...args])
  const ok = code === 0
  process.stdout.write(`${output}${ok ? '✓' : '✗'} ${title} (${((Date.now() - start) / 1000).toFixed(1)} s)\n`)
  return { title, ok }
}

/** Runs the steps, two at a time, the unit tests alone; answers the outcome of each. */
export async function check({ units = true } = {}) {
  const waiting = [...steps]
  const outcomes = []
  const lane = async () => {
    for (let step = waiting.shift(); step; step = waiting.shift()) outcomes.push(await run(step))
  }
  await Promise.all([lane(), lane()])
  if (units) outcomes.push(await run(unitTests))
  return outcomes
}

if (process.argv[1]?.endsWith('check.mjs')) {
  installMissing()
  const failed = (await check()).filter(({ ok }) => !ok)
  if (failed.length) {
    console.error(`Failed: ${failed.map(({ title }) => title).join(', ')}`)
    process.exit(1)
  }
}
