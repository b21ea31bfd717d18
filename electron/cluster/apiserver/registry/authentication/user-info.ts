import type { UserInfo } from '../kind.ts'

/** A user as reviews show it. */
export const shownUser = ({ name, uid, groups, extra }: UserInfo): object => ({
  ...(name ? { username: name } : {}),
  ...(uid ? { uid } : {}),
  ...(groups.length ? { groups } : {}),
  ...(extra && Object.keys(extra).length ? { extra } : {}),
})
