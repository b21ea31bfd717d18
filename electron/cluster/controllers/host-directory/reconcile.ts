import type { Decision } from '../framework/action.ts'
import { provision, type ObservedClaim } from './provision.ts'
import { release, type ObservedVolume } from './release.ts'

export type Observed = ObservedClaim | ObservedVolume

export const reconcile = (observed: Observed): Decision => ({
  steps: 'claim' in observed ? provision(observed) : release(observed),
})
