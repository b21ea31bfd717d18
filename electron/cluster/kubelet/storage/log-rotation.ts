import { createReadStream, createWriteStream } from 'node:fs'
import { open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { timestamp, type Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { Runtime } from '../../runtime/api.ts'
import { every } from '../every.ts'

/** Upstream's defaults: containerLogMaxSize, containerLogMaxFiles, containerLogMonitorInterval. */
export const logLimits = { maxBytes: 10 * 1024 * 1024, maxFiles: 5, interval: 10_000 }

export interface LogRotationDeps {
  runtime: Runtime
  clock: Clock
  logger: Logger
  limits?: typeof logLimits
}

/**
 * Renames logs of running containers that have grown too long; whoever writes them goes on in a new file. Older ones
 * are compressed, the oldest removed. Source: container_log_manager.go.
 */
export function rotateLogs({ runtime, clock, logger, limits = logLimits }: LogRotationDeps): AsyncDisposable {
  return every(limits.interval, clock, async (signal) => {
    for (const { id, state, logPath, name } of await runtime.containers()) {
      if (signal.aborted) return
      if (state !== 'running') continue
      const size = await stat(logPath).then(
        (found) => found.size,
        () => 0,
      )
      if (size < limits.maxBytes) continue
      await rotate(logPath, limits.maxFiles, clock)
        .then(() => runtime.reopenLog?.(id))
        .catch((error: Error) => logger.warn('a log could not be rotated', { container: name, error: error.message }))
    }
  })
}

/** `0.log` becomes `0.log.20260102-150405`; `maxFiles` counts the current one. */
export async function rotate(logPath: string, maxFiles: number, clock: Clock): Promise<void> {
  const folder = path.dirname(logPath)
  const prefix = `${path.basename(logPath)}.`
  const found = (await readdir(folder)).filter((name) => name.startsWith(prefix))
  // What an earlier agent had not finished.
  for (const name of found.filter((each) => each.endsWith('.tmp'))) await rm(path.join(folder, name), { force: true })
  const rotated = found.filter((name) => !name.endsWith('.tmp')).sort()
  // The current log is about to become one more.
  const kept = rotated.slice(Math.max(0, rotated.length - (maxFiles - 2)))
  for (const name of rotated) if (!kept.includes(name)) await rm(path.join(folder, name), { force: true })
  for (const name of kept) if (!name.endsWith('.gz')) await compress(path.join(folder, name))
  const now = timestamp(clock.now()).replace(/[-:Z]/g, '').replace('T', '-')
  await rename(logPath, `${logPath}.${now}`)
  // Whoever reads the log finds one, also when nothing more is written.
  await (await open(logPath, 'a', 0o640)).close()
}

async function compress(file: string): Promise<void> {
  const unfinished = `${file}.tmp`
  await pipeline(createReadStream(file), createGzip(), createWriteStream(unfinished))
  await rename(unfinished, `${file}.gz`)
  await rm(file)
}
