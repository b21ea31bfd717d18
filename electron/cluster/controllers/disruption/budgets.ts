import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1'
import type { Frozen } from '#shared/kube/object.ts'
import { matches, selectorOf } from '#shared/kube/selectors.ts'
import type { Informer } from '../../client/informer.ts'
import type { PodView } from '../framework/support/pods.ts'

export type BudgetView = Frozen<PodDisruptionBudget>

/** The budgets that a pod counts for. Budgets are found by a label that they ask for, as far as they ask for one. */
export function budgetsOfPod(budgets: Informer<PodDisruptionBudget>): (pod: PodView) => readonly BudgetView[] {
  const byLabel = budgets.index('selects', ({ metadata, spec }) => {
    const [label] = Object.entries(spec?.selector?.matchLabels ?? {})
    return [`${metadata?.namespace}/${label ? label.join('=') : ''}`]
  })
  return ({ metadata }) => {
    const labels = Object.entries(metadata?.labels ?? {}).map((pair) => pair.join('='))
    return ['', ...labels]
      .flatMap((label) => byLabel.get(`${metadata?.namespace}/${label}`))
      .filter(({ spec }) => matches(selectorOf(spec?.selector), metadata?.labels))
  }
}
