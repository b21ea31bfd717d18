import { createHash } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { parseImageName } from '#shared/kube/image-name.ts'
import type { Login } from './credentials.ts'

/** A secret that has opened an image; the hash is of what was in it. */
interface Opener {
  uid: string
  namespace: string
  name: string
  hash: string
}

/** Who may have an image that was pulled under a name. */
interface Access {
  /** It was pulled without a login. */
  everybody?: boolean
  secrets: Opener[]
}

interface Records {
  /** Names of images that are being pulled, or were when an earlier agent ended. */
  pulling: string[]
  /** By the image's id, then by its name without tag and digest. */
  pulled: Record<string, Record<string, Access>>
}

const mostSecrets = 100

/**
 * Remembers whose login opened which image, so that a private one that lies on the node is not given to pods that could
 * not have pulled it. Images that this kubelet has not pulled are everybody's. Source: kubelet's pullmanager, with the
 * policy NeverVerifyPreloadedImages.
 */
export class PullRecords {
  readonly #file: string
  readonly #records: Records
  /** How many pulls of an image there are; of one that an earlier agent had, none. */
  readonly #pulls = new Map<string, number>()

  /** What is not whole is as absent. */
  constructor(file: string) {
    this.#file = file
    this.#records = read(file) ?? { pulling: [], pulled: {} }
  }

  starting(image: string): void {
    this.#pulls.set(image, (this.#pulls.get(image) ?? 0) + 1)
    if (this.#records.pulling.includes(image)) return
    this.#records.pulling.push(image)
    this.#save()
  }

  failed(image: string): void {
    this.#ended(image)
    this.#save()
  }

  /** `login`: the one that opened it; undefined: none was needed. */
  pulled(image: string, id: string, login: Login | undefined): void {
    this.#ended(image)
    const access = ((this.#records.pulled[id] ??= {})[nameOf(image)] ??= { secrets: [] })
    if (!login) access.everybody = true
    else if (access.secrets.length < mostSecrets) {
      const { uid, namespace, name } = login.secret
      const others = access.secrets.filter((known) => !isSame(known, login))
      access.secrets = [...others, { uid, namespace, name, hash: hashOf(login) }]
    }
    this.#save()
  }

  /** Whether a pod with such logins has to pull an image that is there, to show that it may have it. */
  mustPull(image: string, id: string, logins: readonly Login[]): boolean {
    const record = this.#records.pulled[id]
    if (!record) return this.#records.pulling.includes(image)
    const access = record[nameOf(image)]
    if (access?.everybody) return false
    return !logins.some((login) =>
      access?.secrets.some((known) => known.hash === hashOf(login) || isSame(known, login)),
    )
  }

  /** Whether `mustPull` needs to be told any logins. */
  isPrivate(image: string, id: string): boolean {
    return this.mustPull(image, id, [])
  }

  /** Forgets all images but these. */
  retain(ids: ReadonlySet<string>): void {
    const gone = Object.keys(this.#records.pulled).filter((id) => !ids.has(id))
    for (const id of gone) delete this.#records.pulled[id]
    if (gone.length) this.#save()
  }

  #ended(image: string): void {
    const left = (this.#pulls.get(image) ?? 0) - 1
    if (left > 0) return void this.#pulls.set(image, left)
    this.#pulls.delete(image)
    this.#records.pulling = this.#records.pulling.filter((name) => name !== image)
  }

  #save(): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify(this.#records), { mode: 0o600 })
    renameSync(`${this.#file}.new`, this.#file)
  }
}

function read(file: string): Records | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Records
  } catch {
    return undefined
  }
}

const nameOf = (image: string): string => {
  const name = parseImageName(image)
  return name ? `${name.registry}/${name.repository}` : image
}

const hashOf = ({ username, password }: Login): string =>
  createHash('sha256')
    .update(JSON.stringify([username, password]))
    .digest('hex')

/** A secret that has been changed since is trusted to open what it did before. */
const isSame = (known: Opener, { secret: { uid, namespace, name } }: Login): boolean =>
  known.uid === uid && known.namespace === namespace && known.name === name
