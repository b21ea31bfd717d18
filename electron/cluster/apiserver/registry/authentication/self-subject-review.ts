import { timestamp } from '../../../base/clock.ts'
import type { VirtualResource } from '../kind.ts'
import { shownUser } from './user-info.ts'

/** `kubectl auth whoami`. */
export const selfSubjectReview: VirtualResource = {
  create: async (input, { user, clock }) => ({
    ...input,
    metadata: { ...input.metadata, creationTimestamp: timestamp(clock.now()) },
    status: { userInfo: shownUser(user) },
  }),
}
