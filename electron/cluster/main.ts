import { keepCompiledCode } from './compile-cache.ts'
import { defaultOptions, type ClusterOptions } from './options.ts'

/**
 * The cluster's process as the workbench's supervisor starts it: options as JSON in the first argument, what becomes of
 * it over the IPC channel. It stops on SIGTERM, and when the channel closes because its supervisor is gone.
 */
const given = JSON.parse(process.argv[2] ?? '{}') as Partial<ClusterOptions> & { dataDirectory: string }
const options: ClusterOptions = { ...defaultOptions(given.dataDirectory), ...given }
const tell = (message: object) => void process.send?.(message)

try {
  keepCompiledCode(import.meta.dirname)
  const { hostCluster } = await import('./host.ts')
  const host = await hostCluster(options)
  let stopping = false
  const stop = () => {
    if (stopping) return
    stopping = true
    host.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  process.on('disconnect', stop)
  tell({ event: 'ready', server: host.server, kubeconfig: options.kubeconfig, pid: process.pid })
} catch (error) {
  const { message, cure } = error as { message: string; cure?: string }
  tell({ event: 'failed', message, ...(cure ? { cure } : {}) })
  process.exitCode = 1
  process.disconnect?.()
}
