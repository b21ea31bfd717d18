import type { KindDefinition } from '../kind.ts'
import { deviceClass, resourceClaim, resourceClaimTemplate } from './claim.ts'
import { resourceSlice } from './slice.ts'

export const kinds: readonly KindDefinition[] = [deviceClass, resourceClaim, resourceClaimTemplate, resourceSlice]
