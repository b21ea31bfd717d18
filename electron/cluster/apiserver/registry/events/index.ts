import { newEvent } from '../core/event/index.ts'
import type { KindDefinition } from '../kind.ts'

export const kinds: readonly KindDefinition[] = [newEvent]
