/** `unknown`: the probe itself could not be made; it is made again and counts neither way. */
export interface ProbeOutcome {
  result: 'success' | 'warning' | 'failure' | 'unknown'
  output: string
}

/** What an event shows of a probe's output at most, in bytes. */
export const outputLimit = 10 * 1024

export const success = (output = ''): ProbeOutcome => ({ result: 'success', output })
export const failure = (output: string): ProbeOutcome => ({ result: 'failure', output })

/** A connection failure as Go words it. */
export function dialFailure(address: string, error: NodeJS.ErrnoException): string {
  const reasons: Record<string, string> = {
    ECONNREFUSED: 'connect: connection refused',
    EHOSTUNREACH: 'connect: no route to host',
    ENETUNREACH: 'connect: network is unreachable',
    ECONNRESET: 'connect: connection reset by peer',
    ETIMEDOUT: 'i/o timeout',
  }
  return `dial tcp ${address}: ${reasons[error.code ?? ''] ?? error.message}`
}
