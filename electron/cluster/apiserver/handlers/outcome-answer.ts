import { contentTypes } from './media.ts'
import { rewrite, statusAnswer, type Answer } from './answer.ts'
import type { Outcome } from './operation.ts'
import type { Showing } from './views.ts'

/** What an operation came to, in the form that was asked for. */
export function outcomeAnswer(outcome: Outcome, { view, writing }: Showing): Answer {
  if ('status' in outcome) return statusAnswer(outcome.status, writing)
  const status = outcome.created ? 201 : 200
  const body = 'entry' in outcome ? view.one(outcome.entry) : view.object(outcome.object)
  return viewAnswer(status, body, { view, writing })
}

/** What a view has made, prettily or as YAML where that is wanted. */
export const viewAnswer = (status: number, body: Answer['body'], { view, writing }: Showing): Answer =>
  rewrite({ status, contentType: contentTypes[view.format], body }, writing)
