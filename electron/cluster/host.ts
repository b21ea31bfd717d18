import { systemClock } from './base/clock.ts'
import { lineLogger, type LogLevel } from './base/logger.ts'
import { systemRandom } from './base/random.ts'
import { startCluster } from './cluster.ts'
import { openDataDirectory } from './data-directory.ts'
import { openLogFile } from './log-file.ts'
import type { ClusterOptions } from './options.ts'
import { installationPaths } from './paths.ts'

export interface ClusterHost {
  readonly server: string
  /** Stops everything, pods included, and frees the data directory. */
  stop(): Promise<void>
}

/**
 * Runs the built-in cluster in this process, on its data directory. Rejects with ClusterFailure or StoreOpenError, whose
 * `message` and `cure` are for people.
 */
export async function hostCluster(options: ClusterOptions): Promise<ClusterHost> {
  const data = openDataDirectory(options.dataDirectory)
  try {
    const logFile = (name: string) => data.file('logs', `${name}.log`)
    const log = openLogFile(logFile('cluster'))
    const level = (process.env['WHEELHOUSE_LOG'] ?? 'info') as LogLevel
    const logger = lineLogger((line) => log.write(line), systemClock.now, level)
    const cluster = await startCluster({
      options,
      data,
      paths: installationPaths(),
      clock: systemClock,
      random: systemRandom,
      logger,
      logFile,
    })
    return {
      server: cluster.server,
      async stop() {
        await cluster[Symbol.asyncDispose]()
        data[Symbol.dispose]()
      },
    }
  } catch (error) {
    data[Symbol.dispose]()
    throw error
  }
}
