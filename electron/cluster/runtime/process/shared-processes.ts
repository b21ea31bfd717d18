import { readlinkSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'
import type { ShimClient } from './shim-client.ts'

/** Waits for children that are left to it, for ever. */
const pause = 'while :; do sleep 2147483647 & wait; done'
const pollMs = 5
const powerless =
  'setpriv --reuid 65535 --regid 65535 --clear-groups --inh-caps -all --bounding-set -all --no-new-privs --'

/** The pid namespace that is first in a pod whose containers share one: a process that only reaps holds it. */
const holder = [
  'sh',
  '-c',
  `exec setpriv --pdeathsig KILL unshare --pid --fork --kill-child -- ${powerless} sh -c '${pause}'`,
]

/** Has a pod's shim hold a pid namespace as long as the pod lives; answers a path of it. */
export async function holdProcesses(shim: ShimClient, clock: Clock): Promise<string> {
  const pid = await shim.call<number>({ op: 'hold', argv: holder })
  const [own, file] = [readlinkSync('/proc/self/ns/pid'), `/proc/${pid}/ns/pid_for_children`]
  for (;;) {
    // Readable once the namespace has its first process.
    const found = linkOrNone(file)
    if (found !== undefined && found !== own) return file
    if (found === undefined && linkOrNone(`/proc/${pid}/ns/pid`) === undefined)
      throw new Error("the process that holds the pod's process namespace has ended")
    await clock.sleep(pollMs)
  }
}

function linkOrNone(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch {
    return undefined
  }
}
