import { connect } from 'node:net'
import type { Clock } from '../../../base/clock.ts'

const patienceMs = 2000
const retryMs = 200

/**
 * Holds a connection to the cluster's lifeline. `onEnd(true)`: the cluster said that it stops. `onEnd(false)`: its process
 * is gone, or could not be reached in the first place. A cluster that starts again does not get its pods back by this:
 * the agent of the one that died has taken their network down.
 */
export function holdLifeline(path: string, clock: Clock, onEnd: (announced: boolean) => void): void {
  const startedAt = clock.monotonic()
  let ended = false
  const end = (announced: boolean) => {
    if (ended) return
    ended = true
    onEnd(announced)
  }
  const attempt = () => {
    const socket = connect(path)
    let connected = false
    socket.on('connect', () => (connected = true))
    socket.on('data', () => end(true))
    socket.on('error', () => {})
    socket.on('close', () => {
      if (connected || clock.monotonic() - startedAt > patienceMs) end(false)
      else clock.after(retryMs, attempt)
    })
  }
  attempt()
}
