import type { Logger } from '../base/logger.ts'
import type { Runtime } from './api.ts'

/** Ends what runs, as pods of processes end with their cluster: what they were stays in the runtime for the next start. */
export async function stopPods(runtime: Runtime, logger: Logger): Promise<void> {
  const ready = (await runtime.sandboxes()).filter(({ state }) => state === 'ready')
  await Promise.all(
    ready.map(({ id, name }) =>
      runtime.stopSandbox(id).catch((error: unknown) => {
        logger.warn('a pod could not be stopped', { pod: name, error: (error as Error).message })
      }),
    ),
  )
}
