import type { Unpacked } from './layers/unpack.ts'

/** Whom a container's program runs as. */
export interface ContainerUser {
  uid: number
  gid: number
  /** Supplementary groups. */
  groups: readonly number[]
  home: string
}

const isNumber = (text: string): boolean => /^\d+$/.test(text)
/** The kernel's own "nobody in particular". */
const highest = 0xffff_fffe

const rows = (file: string): string[][] =>
  file
    .split('\n')
    .filter((line) => line && !line.startsWith('#'))
    .map((line) => line.split(':'))

/** What ImageStatus says of an image's user, who may be a name. Empty: root. */
export function numericUser(user: string): { user?: number; username?: string } {
  const [name = ''] = user.split(':')
  if (name === '') return {}
  return isNumber(name) ? { user: Number(name) } : { username: name }
}

/**
 * Finds the numbers of a user that is written as in an image's configuration: `name`, `uid`, each with `:group` or `:gid`.
 * Throws where the image does not know them. Source: runc's GetExecUser.
 */
export function findUser(written: string, { passwd, group }: Unpacked): ContainerUser {
  const [user = '', wantedGroup] = written.split(':')
  const wanted = user === '' ? '0' : user
  const account = rows(passwd).find(([name, , uid]) => name === wanted || (isNumber(wanted) && uid === wanted))
  if (!account && !isNumber(wanted))
    throw new Error(`unable to find user ${wanted}: no matching entries in passwd file`)
  const uid = Number(account?.[2] ?? wanted)
  const groups = rows(group)
  const named = wantedGroup ? groups.find(([name, , gid]) => name === wantedGroup || gid === wantedGroup) : undefined
  if (wantedGroup && !named && !isNumber(wantedGroup))
    throw new Error(`unable to find group ${wantedGroup}: no matching entries in group file`)
  const gid = Number(wantedGroup ? (named?.[2] ?? wantedGroup) : (account?.[3] ?? 0))
  if (![uid, gid].every((id) => Number.isInteger(id) && id >= 0 && id <= highest))
    throw new Error(`unable to find user ${written}: there is no such number`)
  const memberships = account
    ? groups.filter(([, , , members = '']) => members.split(',').includes(account[0]!)).map(([, , id]) => Number(id))
    : []
  return {
    uid,
    gid,
    groups: [...new Set(memberships)].filter((id) => Number.isInteger(id) && id >= 0 && id <= highest),
    home: account?.[5] || '/',
  }
}
