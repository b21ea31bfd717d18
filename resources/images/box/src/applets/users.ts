import { readFileSync } from 'node:fs'

/** The name that a file of /etc gives a number; the number itself when there is none. */
function nameIn(file: string, id: number): string {
  try {
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const [name, , number] = line.split(':')
      if (name && Number(number) === id) return name
    }
  } catch {
    // No such file in this root.
  }
  return String(id)
}

export const userName = (id: number): string => nameIn('/etc/passwd', id)
export const groupName = (id: number): string => nameIn('/etc/group', id)
