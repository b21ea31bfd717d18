// usage: node scripts/run24.mjs PACKAGE[/COMMAND] ARGS…: runs a package's command with the project's Node 24.
import { bin, installMissing, run24 } from './toolchain.mjs'

installMissing()
const [name, ...args] = process.argv.slice(2)
const [packageName, command = packageName] = name.split(':')
process.exit(run24([bin(packageName, command), ...args]))
