import type { Managers } from './managers.ts'
import { canonicalElement } from './path-element.ts'

export interface Outcome {
  readonly managers: Managers
  /** Whether the writer came to own something; else it owns what it owned. */
  readonly took: boolean
}

/** An outcome, worked out for this write or for one that was alike. */
export interface Known extends Outcome {
  /** What items of lists are called here, by what they were called there; those that are called alike are left out. */
  readonly renamed: ReadonlyMap<string, string> | undefined
}

interface Kept {
  readonly outcome: Outcome
  readonly items: readonly string[]
}

/** Outcomes of a kind that are remembered. */
const most = 64
/** Characters of a write that is worth remembering: larger ones are seldom made twice, and would fill the memory. */
const longest = 64 * 1024

/** What identifies an item of a list, as JSON writes it: no part of another text. */
const item = /(?<!\\)"k:(?:[^"\\]|\\.)*"/g
/** One key and a text in it, such as `k:{"ip":"10.0.0.1"}`, as we spell it. */
const isNamed = /^"k:\{\\"\w+\\":\\"[^"\\<>&\u2028\u2029]*\\"\}"$/

/**
 * What writes came to, by who changed which paths of an object and who owned what before. The thousand objects of one
 * template are written alike: who owns what of them is worked out once, and kept once. Times in it mean nothing; what
 * items of lists are called means nothing as long as those of two writes correspond, for the status of each pod owns
 * another address, and each lease another owner.
 */
export class Outcomes {
  /** The one that was asked for last stands last. */
  readonly #known = new Map<string, Kept>()

  /** `who` and `paths`, in which each text is an element of a path or a sign, are all that the outcome depends on, as JSON. */
  of(who: unknown, paths: unknown, work: () => Outcome): Known {
    const items: string[] = []
    let isSpelledOtherwise = false
    const text = JSON.stringify(paths)
    const named = text.replace(item, (found) => {
      if (!isNamed.test(found)) {
        isSpelledOtherwise ||= !isCanonical(found)
        return found
      }
      const known = items.indexOf(found)
      return String(known < 0 ? items.push(found) - 1 : known)
    })
    // A client may have written an item otherwise than we do: then it cannot be told which others it is equal to.
    if (isSpelledOtherwise) items.length = 0
    const alike = isSpelledOtherwise ? text : named
    const key = JSON.stringify(who) + alike
    if (key.length > longest) return { ...work(), renamed: undefined }
    const kept = this.#known.get(key) ?? { outcome: work(), items }
    this.#known.delete(key)
    this.#known.set(key, kept)
    if (this.#known.size > most) this.#known.delete(this.#known.keys().next().value!)
    return { ...kept.outcome, renamed: kept.items === items ? undefined : namesOf(kept.items, items) }
  }
}

function isCanonical(text: string): boolean {
  const element = JSON.parse(text) as string
  try {
    return canonicalElement(element) === element
  } catch {
    return false
  }
}

/** Undefined where there is nothing to rename. */
function namesOf(theirs: readonly string[], ours: readonly string[]): Map<string, string> | undefined {
  let names: Map<string, string> | undefined
  for (const [i, text] of theirs.entries())
    if (text !== ours[i]) (names ??= new Map()).set(JSON.parse(text) as string, JSON.parse(ours[i]!) as string)
  return names
}
