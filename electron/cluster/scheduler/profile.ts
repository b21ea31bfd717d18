import type { Plugin } from './plugins/api.ts'
import { defaultPlugins } from './plugins/index.ts'

/** How the pods are placed that name one scheduler. */
export interface Profile {
  readonly schedulerName: string
  /** In the order in which they run. */
  readonly plugins: readonly Plugin[]
}

export const defaultProfile: Profile = { schedulerName: 'default-scheduler', plugins: defaultPlugins }
