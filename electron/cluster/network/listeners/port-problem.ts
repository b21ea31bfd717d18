/** Ports that could not be had are tried again so often, in milliseconds: their holder may have gone. */
export const retryMs = 30_000

/** Why a port could not be had: a CamelCase reason for events and status, and a sentence. */
export interface PortProblem {
  readonly reason: 'PortInUse' | 'PortNotPermitted' | 'PortUnavailable'
  readonly message: string
}

/** `bound`: what is served instead. */
export function portProblem(error: NodeJS.ErrnoException, wanted: number, bound: number | undefined): PortProblem {
  const instead = bound === undefined ? 'it is not served here.' : `port ${bound} is served instead.`
  if (error.code === 'EADDRINUSE') {
    return { reason: 'PortInUse', message: `Port ${wanted} of this machine is in use by another program: ${instead}` }
  }
  if (error.code === 'EACCES') {
    return { reason: 'PortNotPermitted', message: `Port ${wanted} may only be opened by an administrator: ${instead}` }
  }
  return { reason: 'PortUnavailable', message: `Port ${wanted} cannot be opened (${error.message}): ${instead}` }
}
