import path from 'node:path'
import { Usage, type Applet } from './applet.ts'
import * as files from './applets/files.ts'
import { find } from './applets/find.ts'
import { grep } from './applets/grep.ts'
import { df, du, ls, stat } from './applets/ls.ts'
import { curl, nc, nslookup, wget } from './applets/network.ts'
import { free, kill, nproc, ps, top, uptime } from './applets/processes.ts'
import { sed } from './applets/sed.ts'
import * as system from './applets/system.ts'
import { tail } from './applets/tail.ts'
import { tar } from './applets/tar.ts'
import * as text from './applets/text.ts'
import { xargs } from './applets/xargs.ts'
import { BrokenPipe, complain, reason } from './io.ts'
import { sh } from './shell/main.ts'

const { basename, chmod, cp, dirname, ln, mkdir, mktemp, mv, readlink, realpath, rm, rmdir, touch } = files
const {
  base64,
  checksum,
  clear,
  date,
  echo,
  env,
  expr,
  hostname,
  id,
  printenv,
  printf,
  pwd,
  sleep,
  test,
  uname,
  which,
  whoami,
} = system
const { cat, cut, head, seq, sort, tee, tr, uniq, wc, yes } = text

const inFiles = {
  basename,
  chmod,
  cp,
  dirname,
  find,
  ln,
  ls,
  stat,
  du,
  df,
  mkdir,
  mktemp,
  mv,
  readlink,
  realpath,
  rm,
  rmdir,
  tar,
  touch,
}
const inText = { cat, cut, head, seq, sort, tail, tee, tr, uniq, wc, yes, grep, egrep: grep, sed, xargs, base64 }
const inSystem = {
  clear,
  date,
  echo,
  env,
  expr,
  hostname,
  id,
  printenv,
  printf,
  pwd,
  sleep,
  test,
  '[': test,
  '[[': test,
  uname,
  which,
  whoami,
}
const sums = { md5sum: checksum, sha1sum: checksum, sha256sum: checksum, sha512sum: checksum }
const others = { ps, top, kill, free, uptime, nproc, curl, wget, nslookup, nc, true: () => 0, false: () => 1 }

const applets = new Map<string, Applet>(Object.entries({ ...inFiles, ...inText, ...inSystem, ...sums, ...others }))
applets.set('sh', (args) => sh(args, new Set(applets.keys())))

const brokenPipeStatus = 141
const [, program = '', ...given] = process.argv
// Started as `node box.mjs NAME …`, or by a link in /bin whose path the kernel passes as the first argument.
const name = path.posix.basename(given[0] ?? program)
const args = given.slice(1)

async function main(): Promise<number> {
  const applet = applets.get(name)
  if (!applet) {
    complain(`${name}: applet not found`)
    return 127
  }
  try {
    return await applet(args, name)
  } catch (error) {
    if (error instanceof BrokenPipe) return brokenPipeStatus
    if (error instanceof Usage || (error as NodeJS.ErrnoException).code !== undefined) {
      complain(`${name}: ${reason(error)}`)
      return error instanceof Usage && (name === 'test' || name === '[' || name === 'grep' || name === 'sh') ? 2 : 1
    }
    complain(`${name}: ${(error as Error).message}`)
    return 1
  }
}

// `ps` shows what was asked for, not how it is run.
process.title = [name, ...args].join(' ')
// Nobody who uses a tool of /bin wants Node's remarks.
process.removeAllListeners('warning')
if (process.pid === 1 && name !== 'sh') {
  // The kernel drops signals that the first process of a pid namespace does not handle.
  for (const [signal, number] of [
    ['SIGTERM', 15],
    ['SIGINT', 2],
    ['SIGHUP', 1],
  ] as const) {
    process.on(signal, () => process.exit(128 + number))
  }
}
process.exit(await main())
