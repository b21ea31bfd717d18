import type { KindDefinition } from '../kind.ts'
import { flowSchema } from './flow-schema.ts'
import { priorityLevelConfiguration } from './priority-level.ts'

export const kinds: readonly KindDefinition[] = [flowSchema, priorityLevelConfiguration]
