import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, freemem, loadavg, totalmem, uptime as hostUptime } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { numberOf, options, type Applet } from '../applet.ts'
import { out } from '../io.ts'
import { flowBuiltins } from '../shell/builtins-flow.ts'
import { userName } from './users.ts'

interface Process {
  pid: number
  parent: number
  user: string
  state: string
  ticks: number
  kilobytes: number
  command: string
}

const pageKilobytes = 4

/** The processes that this one sees: with a pid namespace, the container's. */
function processes(): Process[] {
  const names = process.platform === 'linux' ? readdirSync('/proc').filter((name) => /^\d+$/.test(name)) : []
  return names.flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const line = readFileSync(`/proc/${name}/cmdline`, 'utf8').replace(/\0+$/, '').replaceAll('\0', ' ')
      const uid = Number(/^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1] ?? 0)
      return [
        {
          pid: Number(name),
          parent: Number(fields[1]),
          user: userName(uid),
          state: fields[0]!,
          ticks: Number(fields[11]) + Number(fields[12]),
          kilobytes: Number(fields[21]) * pageKilobytes,
          command: line || `[${stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))}]`,
        },
      ]
    } catch {
      // It ended meanwhile.
      return []
    }
  })
}

const size = (kilobytes: number): string => (kilobytes > 9999 ? `${Math.round(kilobytes / 1024)}m` : String(kilobytes))

/** Every spelling (`ps`, `ps aux`, `ps -ef`) shows all there are. */
export const ps: Applet = () => {
  out('PID   USER     TIME  COMMAND\n')
  for (const { pid, user, ticks, command } of processes().sort((a, b) => a.pid - b.pid)) {
    const seconds = Math.floor(ticks / 100)
    const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
    out(`${String(pid).padStart(5)} ${user.padEnd(8)} ${time.padStart(5)} ${command}\n`)
  }
  return 0
}

export const top: Applet = async (args) => {
  const { has, value } = options(args, 'bn:d:')
  const rounds = numberOf(value('n') ?? '1000000')
  const seconds = numberOf(value('d') ?? '2')
  let before = new Map(processes().map(({ pid, ticks }) => [pid, ticks]))
  for (let round = 0; round < rounds; round++) {
    await sleep(round === 0 ? 200 : seconds * 1000)
    const now = processes()
    const span = (round === 0 ? 0.2 : seconds) * 100
    const share = ({ pid, ticks }: Process) => (100 * (ticks - (before.get(pid) ?? ticks))) / span
    if (!has('b')) out('\x1b[H\x1b[J')
    out(
      `Mem: ${Math.round((totalmem() - freemem()) / 1024)}K used, ${Math.round(freemem() / 1024)}K free\nLoad average: ${loadavg()
        .map((load) => load.toFixed(2))
        .join(' ')}\n`,
    )
    out('  PID  PPID USER     STAT   RSS %CPU COMMAND\n')
    for (const entry of [...now].sort((a, b) => share(b) - share(a) || a.pid - b.pid)) {
      const { pid, parent, user, state, kilobytes, command } = entry
      out(
        `${String(pid).padStart(5)} ${String(parent).padStart(5)} ${user.padEnd(8)} ${state.padEnd(4)} ${size(kilobytes).padStart(5)} ${share(entry).toFixed(0).padStart(4)} ${command}\n`,
      )
    }
    before = new Map(now.map(({ pid, ticks }) => [pid, ticks]))
  }
  return 0
}

/** The shell's builtin, without jobs. */
export const kill: Applet = (args) => {
  const shell = { jobs: { find: () => undefined }, out } as unknown as Parameters<
    NonNullable<(typeof flowBuiltins)['kill']>
  >[1]
  return flowBuiltins['kill']!(args, shell, 'kill')
}

export const free: Applet = (args) => {
  const { has } = options(args, 'mhkg')
  const unit = has('g') ? 2 ** 30 : has('m') || has('h') ? 2 ** 20 : 1024
  const number = (bytes: number) => String(Math.round(bytes / unit)).padStart(12)
  out(`${' '.repeat(7)}${['total', 'used', 'free'].map((title) => title.padStart(12)).join('')}\n`)
  out(`Mem:   ${number(totalmem())}${number(totalmem() - freemem())}${number(freemem())}\n`)
  return 0
}

export const uptime: Applet = () => {
  const minutes = Math.floor(hostUptime() / 60)
  const time = new Date().toTimeString().slice(0, 8)
  out(
    ` ${time} up ${Math.floor(minutes / 1440)} days, ${Math.floor((minutes % 1440) / 60)}:${String(minutes % 60).padStart(2, '0')},  load average: ${loadavg()
      .map((load) => load.toFixed(2))
      .join(', ')}\n`,
  )
  return 0
}

export const nproc: Applet = () => {
  out(`${availableParallelism()}\n`)
  return 0
}
