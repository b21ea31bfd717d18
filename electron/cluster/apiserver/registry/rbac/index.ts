import type { KindDefinition } from '../kind.ts'
import { clusterRoleBinding, roleBinding } from './binding.ts'
import { clusterRole, role } from './role.ts'

export const kinds: readonly KindDefinition[] = [clusterRoleBinding, clusterRole, roleBinding, role]
