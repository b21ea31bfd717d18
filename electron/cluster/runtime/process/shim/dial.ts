import { connect } from 'node:net'
import { dialed } from '../../relay.ts'

/**
 * Joins stdin and stdout to a port on loopback: run inside a pod's network namespace, for port-forward. Says on stderr
 * that it is connected, or why it is not.
 */
export function relay(port: number): void {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', (error) => {
    process.stderr.write(error.message)
    process.exit(1)
  })
  socket.on('connect', () => {
    process.stderr.write(dialed)
    process.stdin.pipe(socket)
    socket.pipe(process.stdout, { end: false })
  })
  // A program cannot end its output and live on, so the far end's last word ends both directions.
  socket.on('end', () => process.stdout.write('', () => process.exit(0)))
  socket.on('close', () => process.exit(0))
}
