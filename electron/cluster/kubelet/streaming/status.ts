import { statusFailure, type Status } from '#shared/kube/status.ts'

/** What the error stream of protocol v4 and later carries at the end of a command. */
export const succeeded: Status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' }

/** kubectl reads the exit code from the cause of reason ExitCode. */
export function exitedWith(code: number): Status {
  if (code === 0) return succeeded
  return {
    ...succeeded,
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  }
}

export const failedWith = (message: string): Status => statusFailure(500, 'InternalError', message).status

/** As it goes over the wire: a Status from v4 on, plain text (nothing on success) before. */
export function encodeOutcome(outcome: Status, version: number): Buffer {
  if (version >= 4) return Buffer.from(JSON.stringify(outcome))
  return outcome.status === 'Success' ? Buffer.alloc(0) : Buffer.from(outcome.message ?? outcome.reason ?? 'failed')
}
