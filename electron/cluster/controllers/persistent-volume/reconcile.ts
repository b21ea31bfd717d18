import type { Decision } from '../framework/action.ts'
import { reconcileClaim, type ObservedClaim } from './claims.ts'
import { reconcileVolume, type ObservedVolume } from './volumes.ts'

export type Observed = ObservedClaim | ObservedVolume

export const reconcile = (observed: Observed): Decision =>
  'candidates' in observed ? reconcileClaim(observed) : reconcileVolume(observed)
