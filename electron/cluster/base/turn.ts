import { setImmediate } from 'node:timers'

/**
 * Lets input, output and everybody else's work in before a long computation goes on. No time passes by it, so it asks
 * no clock.
 */
export const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
