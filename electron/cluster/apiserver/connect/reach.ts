import { isIP } from 'node:net'
import { serviceUnavailable } from '#shared/kube/status.ts'
import type { ActionServices } from '../registry/kind.ts'
import type { Locate } from './deps.ts'
import { serviceAddress, type ProxyTarget, type ServiceAddress } from './targets.ts'

export interface ReachDeps {
  readonly services: ActionServices
  /** Where this process reaches an address of the cluster's network; default: where it says. */
  readonly locate?: Locate | undefined
}

/** Where this process reaches the service now. Rejects with 404 or 503 when nowhere. */
export async function reachService({ services, locate }: ReachDeps, address: ServiceAddress): Promise<ProxyTarget> {
  const target = serviceAddress(services, address)
  if (!locate || !isIP(target.host)) return target
  const { host, port } = await locate(target).catch((error: Error) => {
    throw serviceUnavailable(`error trying to reach service: ${error.message}`)
  })
  return { ...target, host, port }
}
