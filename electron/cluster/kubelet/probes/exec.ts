import type { Runtime } from '../../runtime/api.ts'
import { failure, outputLimit, success, type ProbeOutcome } from './outcome.ts'

/** Runs a command in the container; exit code 0 is success. */
export async function probeExec(
  runtime: Runtime,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeOutcome> {
  try {
    const { exitCode, stdout, stderr, timedOut } = await runtime.execSync(containerId, command, timeoutMs)
    if (timedOut) {
      const shown = JSON.stringify(command.join(' '))
      return failure(`command timed out: ${shown} timed out after ${timeoutMs / 1000}s`)
    }
    const output = Buffer.concat([stdout, stderr]).toString('utf8').slice(0, outputLimit)
    return exitCode === 0 ? success(output) : failure(output)
  } catch (error) {
    return { result: 'unknown', output: (error as Error).message }
  }
}
