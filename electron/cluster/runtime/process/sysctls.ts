import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ofNetwork = /^net\.[a-z0-9_./]+$/

/** Sets what a pod wants of the kernel in its own network namespace; rejects with what cannot be. */
export async function setSysctls(
  sysctls: Readonly<Record<string, string>>,
  namespace: string | undefined,
): Promise<void> {
  for (const [name, value] of Object.entries(sysctls)) {
    if (!namespace || !ofNetwork.test(name))
      throw new Error(`sysctl ${JSON.stringify(name)} cannot be set for one pod on this node`)
    const file = `/proc/sys/${name.replaceAll('.', '/')}`
    const write = ['--', '/bin/sh', '-c', 'printf %s "$1" > "$2"', 'sh', value, file]
    await run('nsenter', [`--net=${namespace}`, ...write]).catch((error: Error & { stderr?: string }) => {
      const why = (error.stderr ?? error.message).trim().split('\n').at(-1)
      throw new Error(`sysctl ${JSON.stringify(name)} cannot be set to ${JSON.stringify(value)}: ${why}`, {
        cause: error,
      })
    })
  }
}
