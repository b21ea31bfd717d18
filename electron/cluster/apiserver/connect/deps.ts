import type { Authorizer } from '../authz/authorizer.ts'
import type { Pki } from '../pki/pki.ts'
import type { ActionServices } from '../registry/kind.ts'

export interface Place {
  host: string
  port: number
}

/** Where this process reaches an address of the cluster's network. Rejects when nobody listens there. */
export type Locate = (address: Place) => Promise<Place>

export interface ConnectDeps {
  pki: Pki
  /** Default: every address leads where it says. */
  locate?: Locate | undefined
  services: ActionServices
  authorizer(): Authorizer
}
