/** Evaluation failed; `&&`, `||` and the like may still not mind. The message is cel-go's. */
export class CelError extends Error {
  override readonly name: string = 'CelError'
}

/** The expression cost more than it may. No operator catches it. */
export class CostLimitError extends CelError {
  override readonly name = 'CostLimitError'
  constructor() {
    super('operation cancelled: actual cost limit exceeded')
  }
}

export const noSuchOverload = (): CelError => new CelError('no such overload')
