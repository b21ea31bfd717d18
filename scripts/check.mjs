// The fast part of the tests: types, lint, formatting, import laws, unit tests.
import { bin, installMissing, run24 } from './toolchain.mjs'

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
  ['unit tests', 'vitest', [], ['run', '--project', 'unit', '--project', 'renderer', '--silent=passed-only']],
]

/** Runs the steps one by one; answers the outcome of each. */
export function check({ units = true } = {}) {
  return steps
    .filter(([title]) => units || title !== 'unit tests')
    .map(([title, packageName, [command = packageName], args]) => {
      const start = Date.now()
      const ok = run24([bin(packageName, command), ...args]) === 0
      console.log(`${ok ? '✓' : '✗'} ${title} (${((Date.now() - start) / 1000).toFixed(1)} s)`)
      return { title, ok }
    })
}

if (process.argv[1]?.endsWith('check.mjs')) {
  installMissing()
  const failed = check().filter(({ ok }) => !ok)
  if (failed.length) {
    console.error(`Failed: ${failed.map(({ title }) => title).join(', ')}`)
    process.exit(1)
  }
}
