import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { resolveInRoot } from '../../root-path.ts'

/** An archive's entry that no honest builder writes. */
export class LayerError extends Error {}

/**
 * The files of an image on this machine. Names are those of archives: wherever their links lead, what is made or removed
 * lies below `root`. Nobody else may write there meanwhile.
 */
export class Tree {
  readonly root: string
  /** Where directories really are; forgotten when a link or the removal of something may have changed that. */
  readonly #places = new Map<string, string>()

  constructor(root: string) {
    this.root = root
  }

  /** Where an entry goes: links on the way are followed, one at its end is not. Throws LayerError. */
  place(name: string): string {
    const clean = cleanName(name)
    return clean === '' ? this.root : path.join(this.#directory(path.posix.dirname(clean)), path.posix.basename(clean))
  }

  /** As `place`, with the directories on the way made. */
  make(name: string): string {
    const place = this.place(name)
    if (place !== this.root && !existsSync(path.dirname(place)))
      mkdirSync(path.dirname(place), { recursive: true, mode: 0o755 })
    return place
  }

  remove(place: string): void {
    if (place === this.root) throw new LayerError('a layer removes the whole image')
    rmSync(place, { recursive: true, force: true })
    this.#places.clear()
  }

  /** A link is about to be made: other names may lead elsewhere. */
  linked(): void {
    this.#places.clear()
  }

  /** Makes way for what is not a directory; a directory stays for one. */
  clear(place: string, forDirectory: boolean): void {
    const found = lstatSync(place, { throwIfNoEntry: false })
    if (found && !(forDirectory && found.isDirectory())) this.remove(place)
  }

  /** Removes what is in a directory but for what `keep` knows. */
  empty(directory: string, keep: ReadonlySet<string>): void {
    if (!lstatSync(directory, { throwIfNoEntry: false })?.isDirectory()) return
    for (const child of readdirSync(directory)) {
      const place = path.join(directory, child)
      if (!keep.has(place)) this.remove(place)
      else if (lstatSync(place).isDirectory()) this.empty(place, keep)
    }
  }

  #directory(name: string): string {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const place = resolveInRoot(this.root, name)
    this.#places.set(name, place)
    return place
  }
}

/** Without a slash at either end; empty for the root. Throws for names that leave it. */
function cleanName(name: string): string {
  if (name.includes('\0')) throw new LayerError('a name in a layer holds a zero byte')
  const clean = path.posix.normalize(`./${name}`).replace(/\/$/, '')
  if (clean === '..' || clean.startsWith('../')) throw new LayerError(`a layer reaches outside of the image: ${name}`)
  return clean === '.' ? '' : clean
}
