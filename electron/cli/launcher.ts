/**
 * Ends this process in order on SIGTERM or SIGINT, and when the launcher that started it is gone: its IPC channel
 * closes then, however it died.
 */
export function endWithLauncher(stop: () => Promise<void>): void {
  let stopping = false
  const end = () => {
    if (stopping) return
    stopping = true
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`wheelhouse: stopping failed: ${(error as Error).message}\n`)
        process.exit(1)
      },
    )
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  if (process.connected) process.on('disconnect', end)
}
