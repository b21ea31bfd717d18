// `npm run bench`: builds what changed and measures the bundles. Arguments go to tests/bench/main.ts.
import { build } from './build.mjs'
import { installMissing, run24 } from './toolchain.mjs'

installMissing()
build(['descriptions', 'node', 'images', 'renderer'])
process.exit(run24(['tests/bench/main.ts', ...process.argv.slice(2)]))
