import type { Clock } from '../../../base/clock.ts'
import type { Logger } from '../../../base/logger.ts'
import type { Random } from '../../../base/random.ts'
import type { Authorizer } from '../../authz/authorizer.ts'
import type { Locate } from '../../connect/deps.ts'
import type { KindIndex } from '../../kinds/kind-index.ts'
import type { ActionServices } from '../../registry/kind.ts'

/** The server that plug-ins work in. */
export interface AdmissionHost {
  readonly kinds: KindIndex
  readonly services: ActionServices
  /** Where this process reaches an address of the cluster's network; default: where it says. */
  readonly locate?: Locate | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  authorizer(): Authorizer
}
