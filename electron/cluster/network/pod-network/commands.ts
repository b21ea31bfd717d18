import { execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs a program to its end; rejects with what it said on stderr. */
export async function command(file: string, ...args: string[]): Promise<string> {
  try {
    return (await run(file, args, { maxBuffer: 16 * 1024 * 1024 })).stdout
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string }
    throw isAbsent(error)
      ? absence(file)
      : new Error(`${file} ${args.join(' ')}: ${stderr?.trim() || message}`, { cause: error })
  }
}

/** For people: what to install. */
const packages: Readonly<Record<string, string>> = { ip: 'iproute2', nft: 'nftables', iptables: 'iptables' }

const isAbsent = (error: unknown): boolean => ['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')

const absence = (file: string): Error => new Error(`${file} is not installed, package ${packages[file] ?? file}`)

/** Feeds lines to a program's stdin: `ip -batch -`, `nft -f -`. */
export function feed(file: string, args: readonly string[], lines: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['pipe', 'ignore', 'pipe'] })
    let errors = ''
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
    child.once('error', (error) => reject(isAbsent(error) ? absence(file) : error))
    child.once('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`${file} ${args.join(' ')}: ${errors.trim() || `code ${code}`}`)),
    )
    child.stdin.on('error', () => {})
    child.stdin.end(lines.map((line) => `${line}\n`).join(''))
  })
}

/** One process for many changes: starting `ip` costs more than what it does. */
export const ipBatch = (lines: readonly string[], ...options: string[]): Promise<void> =>
  feed('ip', [...options, '-batch', '-'], lines)

/** The same on the machine and then in a network namespace: one shell starts both, which costs less than starting two from here. */
export function ipBatches(lines: readonly string[], namespace: string, inside: readonly string[]): Promise<void> {
  const batch = (options: string, each: readonly string[]) => [`ip ${options} -batch - << end`, ...each, 'end']
  return feed('/bin/sh', ['-e'], [...batch('', lines), ...batch(`-netns ${namespace}`, inside)])
}
