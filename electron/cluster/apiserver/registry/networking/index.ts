import type { KindDefinition } from '../kind.ts'
import { ipAddress, serviceCidr } from './addresses.ts'
import { ingressClass } from './ingress-class.ts'
import { ingress } from './ingress.ts'
import { networkPolicy } from './network-policy.ts'

export const kinds: readonly KindDefinition[] = [ingressClass, ingress, ipAddress, networkPolicy, serviceCidr]
