import { systemClock, type Clock } from '../../../../base/clock.ts'

/** Real time for which nobody waits: what is tried again is tried at once. */
export const impatientClock: Clock = { ...systemClock, sleep: async () => {} }
