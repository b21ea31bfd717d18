import { constants, enableCompileCache } from 'node:module'
import path from 'node:path'
import { userDataDirectory } from './options.ts'

/**
 * Keeps what V8 makes of our code, so that the next start need not compile it: beside the bundles, or with the user's
 * data where an installation cannot be written to. It holds for what is imported afterwards.
 */
export function keepCompiledCode(
  bundles: string,
  enable: (place: string) => { status: number } = enableCompileCache,
): void {
  for (const place of [bundles, userDataDirectory()])
    if (enable(path.join(place, 'compiled')).status !== constants.compileCacheStatus.FAILED) return
}
