import { rmdirSync } from 'node:fs'
import type { Clock } from '../../base/clock.ts'

/** The kernel lets a group go a moment after its last process, under load a long one. */
const tries = 50

/** Resolves with whether it is gone. */
export async function removeGroup(directory: string, clock: Clock): Promise<boolean> {
  for (let left = tries; left; left--) {
    try {
      rmdirSync(directory)
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EBUSY') return code === 'ENOENT'
      await clock.sleep(10)
    }
  }
  return false
}
