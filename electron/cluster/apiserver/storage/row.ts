import type { KubeObject } from '#shared/kube/object.ts'
import type { Column, RowCondition } from '../registry/kind.ts'
import { Since } from '../registry/columns/since.ts'

/** The cells of one object's row as JSON. Everything but durations is written once. */
export class Row {
  /** Text between the durations: one more than there are of these. */
  readonly #texts: readonly string[]
  readonly #durations: readonly Since[]

  private constructor(texts: readonly string[], durations: readonly Since[]) {
    this.#texts = texts
    this.#durations = durations
  }

  static of(object: KubeObject, columns: readonly Column[], conditions: readonly RowCondition[] = []): Row {
    const texts: string[] = []
    const durations: Since[] = []
    // Joined and not added up: text that is a tree of pieces has to be made flat by every list that copies it.
    let text = ['"cells":[']
    const end = () => void texts.push(text.join(''))
    for (const [i, column] of columns.entries()) {
      const cell = column.cell(object)
      if (i > 0) text.push(',')
      if (cell instanceof Since) {
        text.push(JSON.stringify(cell.before).slice(0, -1))
        end()
        durations.push(cell)
        text = [JSON.stringify(cell.after).slice(1)]
      } else text.push(JSON.stringify(cell))
    }
    text.push(conditions.length ? `],"conditions":${JSON.stringify(conditions)}` : ']')
    end()
    return new Row(texts, durations)
  }

  /** `"cells":[…]` and, where the row has any, `,"conditions":[…]`. */
  at(now: number): string {
    let json = this.#texts[0]!
    for (const [i, duration] of this.#durations.entries()) json += duration.duration(now) + this.#texts[i + 1]!
    return json
  }
}
