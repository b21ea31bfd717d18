import { ipAddresses, serviceCidrs, services } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, reads, watch, type Controller } from '../framework/controller.ts'
import { equal } from '../framework/support/equality.ts'
import { rangesOf, reconcileAddresses } from './addresses.ts'
import { reconcileCidr } from './cidrs.ts'
import { reconcilePorts, type PortRange } from './ports.ts'
import { reconcileRecord } from './records.ts'
import { clusterIpsOf, keyOfService, nodePortsOf } from './service.ts'

/** Upstream runs these in the API server, as whom they act. */
const account = 'system:apiserver'
const range: PortRange = [30_000, 32_767]

/** Keeps IPAddress objects, and ServiceCIDRs that have some, and tells of addresses and ports that cannot be a service's. */
export function serviceAllocationControllers({ informers }: { informers: InformerFactory }): readonly Controller[] {
  return [addressRepair(informers), recordRepair(informers), portRepair(informers), rangeProtection(informers)]
}

function addressRepair(informers: InformerFactory): Controller {
  const all = informers.for(services)
  const records = informers.for(ipAddresses)
  const cidrs = informers.for(serviceCidrs)
  const byIp = all.index('cluster IP', clusterIpsOf)
  const keysOf = (ip: string) => byIp.get(ip).map(keyOfService)
  /** Objects that somebody removed while their service had the address. */
  const lost = new Set<string>()
  return decider({
    name: 'ipallocator-repair-controller',
    account,
    workers: 5,
    writesTo: [records],
    watches: [
      watch(all, (service, old) =>
        old && equal(clusterIpsOf(old), clusterIpsOf(service)) ? [] : [keyOfService(service)],
      ),
      watch(
        records,
        ({ metadata }) => {
          const ip = metadata?.name ?? ''
          if (records.lister.get(ip)) lost.delete(ip)
          return keysOf(ip)
        },
        {
          onDelete({ metadata }) {
            const ip = metadata?.name ?? ''
            if (byIp.count(ip)) lost.add(ip)
          },
        },
      ),
      watch(cidrs, () => all.lister.list().map(keyOfService)),
    ],
    observe(key) {
      const service = all.lister.get(key)
      // Before there is a range nothing can be said of any address.
      if (!service || !cidrs.lister.list().length) return undefined
      return {
        service,
        isInRange: rangesOf(cidrs.lister.list()),
        record: (ip) => records.lister.get(ip),
        other: (otherKey) => all.lister.get(otherKey),
        isLost: (ip) => lost.has(ip),
      }
    },
    reconcile: reconcileAddresses,
  })
}

function recordRepair(informers: InformerFactory): Controller {
  const all = informers.for(services)
  const records = informers.for(ipAddresses)
  return decider({
    name: 'ipallocator-repair-controller',
    account,
    workers: 5,
    watches: [
      watch(records, ({ metadata }) => [metadata?.name ?? '']),
      watch(all, (service, old) => new Set([...clusterIpsOf(service), ...(old ? clusterIpsOf(old) : [])])),
    ],
    observe: (ip) => records.lister.get(ip),
    reconcile: (record) => reconcileRecord(record, (key) => all.lister.get(key)),
  })
}

function portRepair(informers: InformerFactory): Controller {
  const all = informers.for(services)
  const byPort = all.index('node port', (service) => [...new Set(nodePortsOf(service))].map(String))
  return decider({
    name: 'portallocator-repair-controller',
    account,
    workers: 1,
    watches: [
      // Who shares a port with one that changes may have it alone now.
      watch(all, (service, old) => {
        const ports = new Set([...nodePortsOf(service), ...(old ? nodePortsOf(old) : [])])
        return new Set([...ports].flatMap((port) => byPort.get(String(port)).map(keyOfService)))
      }),
      reads(all),
    ],
    observe: (key) => all.lister.get(key),
    reconcile: (service) => reconcilePorts(service, (port) => byPort.get(String(port)), range),
  })
}

function rangeProtection(informers: InformerFactory): Controller {
  const cidrs = informers.for(serviceCidrs)
  const records = informers.for(ipAddresses)
  const nameOf = ({ metadata }: { readonly metadata?: { readonly name?: string } }) => metadata?.name ?? ''
  return decider({
    name: 'service-cidr-controller',
    account: 'service-cidrs-controller',
    workers: 1,
    writesTo: [cidrs],
    watches: [
      // What a range covers may go as soon as the range is there, and not when it has gone.
      watch(cidrs, (cidr) => [nameOf(cidr), ...cidrs.lister.list().filter(isGoing).map(nameOf)]),
      watch(records, () => cidrs.lister.list().filter(isGoing).map(nameOf)),
    ],
    observe(name) {
      const cidr = cidrs.lister.get(name)
      return cidr && { cidr, cidrs: cidrs.lister.list(), records: isGoing(cidr) ? records.lister.list() : [] }
    },
    reconcile: reconcileCidr,
  })
}

const isGoing = ({ metadata }: { readonly metadata?: { readonly deletionTimestamp?: string } }): boolean =>
  metadata?.deletionTimestamp !== undefined
