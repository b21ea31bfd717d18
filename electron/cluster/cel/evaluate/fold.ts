import type { Fold } from '../syntax/ast.ts'
import type { Checked } from '../types/checker.ts'
import { equal } from '../values/equality.ts'
import { CelError, noSuchOverload } from '../values/errors.ts'
import { isList, isMap, LiteralMap, mapKey, Optional, type CelValue } from '../values/values.ts'
import { stepCosts } from './costs.ts'
import { attempt, type Compile, type Frame, type Program, type Slots } from './frame.ts'

/** Calls back for each element with the macro's variables set; a truthy answer ends the walk. */
type Walk = (frame: Frame, step: (first: CelValue) => boolean | undefined) => void

export function compileFold(checked: Checked, fold: Fold, outer: Slots, compileExpr: Compile): Program {
  const first = outer.next
  const names = new Map([...outer.names, ...fold.variables.map((name, i) => [name, first + i] as const)])
  const slots: Slots = { names, next: first + fold.variables.length }
  const range = compileExpr(checked, fold.range, outer)
  const args = fold.args.map((arg) => compileExpr(checked, arg, slots))
  if (fold.macro === 'optMap' || fold.macro === 'optFlatMap') return bind(fold, range, first, args[0]!)
  const two = fold.variables.length === 2
  const cost = stepCosts[fold.macro]
  const walk: Walk = (frame, step) => {
    for (const [key, value] of entriesOf(range(frame), two)) {
      frame.locals[first] = key
      if (two) frame.locals[first + 1] = value!
      frame.charge(cost)
      if (step(key)) return
    }
  }
  const last = args.at(-1)!
  const condition = args.length === 2 ? args[0]! : undefined
  switch (fold.macro) {
    case 'all':
      return quantifier(walk, last, false)
    case 'exists':
      return quantifier(walk, last, true)
    case 'existsOne':
      return (frame) => {
        let count = 0
        walk(frame, () => void (truth(last(frame)) && count++))
        return count === 1
      }
    case 'filter':
      return (frame) => {
        const kept: CelValue[] = []
        walk(frame, (element) => void (truth(last(frame)) && kept.push(element)))
        return kept
      }
    case 'map':
    case 'transformList':
      return (frame) => {
        const made: CelValue[] = []
        walk(frame, () => void ((!condition || truth(condition(frame))) && made.push(last(frame))))
        return made
      }
    case 'transformMap':
      return (frame) => {
        const made = new Map<CelValue, CelValue>()
        walk(frame, (key) => void ((!condition || truth(condition(frame))) && made.set(mapKey(key), last(frame))))
        return new LiteralMap(made)
      }
    case 'transformMapEntry':
      return (frame) => {
        const made = new Map<CelValue, CelValue>()
        walk(frame, () => void ((!condition || truth(condition(frame))) && insert(made, last(frame))))
        return new LiteralMap(made)
      }
  }
}

function entriesOf(range: CelValue, two: boolean): Iterable<[CelValue, CelValue?]> {
  if (isList(range)) return range.map((element, i) => (two ? [BigInt(i), element] : [element]))
  if (!isMap(range)) throw noSuchOverload()
  return range.keys().map((key) => (two ? [key, range.find(key)!] : [key]))
}

function truth(value: CelValue): boolean {
  if (typeof value !== 'boolean') throw noSuchOverload()
  return value
}

/** An element that decides is the answer; else the last error counts. */
function quantifier(walk: Walk, predicate: Program, decisive: boolean): Program {
  return (frame) => {
    let failed: CelError | undefined
    let decided = false
    walk(frame, () => {
      const held = attempt(predicate, frame)
      if (held instanceof CelError) failed = held
      else if (typeof held !== 'boolean') failed = noSuchOverload()
      else decided = held === decisive
      return decided
    })
    if (decided) return decisive
    if (failed) throw failed
    return !decisive
  }
}

function insert(made: Map<CelValue, CelValue>, entry: CelValue): void {
  if (!isMap(entry)) throw noSuchOverload()
  for (const key of entry.keys()) {
    const at = mapKey(key)
    if (made.has(at) && !equal(made.get(at)!, entry.find(key)!))
      throw new CelError(`insert failed: key ${String(key)} already exists`)
    made.set(at, entry.find(key)!)
  }
}

function bind({ macro }: Fold, range: Program, slot: number, transform: Program): Program {
  return (frame) => {
    const holder = range(frame)
    if (!(holder instanceof Optional)) throw noSuchOverload()
    if (!holder.present) return Optional.none
    frame.locals[slot] = holder.value
    frame.charge(stepCosts.optMap)
    const made = transform(frame)
    return macro === 'optMap' ? Optional.of(made) : made
  }
}
