import type { GuardedPodNetwork, PodNetwork, PodReference } from '../api.ts'
import type { HostPorts } from '../host-ports/host-ports.ts'

/** Told of every address that is given to a pod, and of its end. */
export interface Gate {
  admit(ip: string, pod: PodReference): Promise<void>
  release(ip: string, pod: PodReference): void
}

/** A pod network that gives a pod its place only when it has been admitted, and has its host ports lead there. */
export function guarded(
  network: PodNetwork,
  gate: Gate,
  hostPorts: Pick<HostPorts, 'open' | 'close'>,
): GuardedPodNetwork {
  const attached = new Map<string, { ip: string; pod: PodReference }>()
  async function admit(sandboxId: string, ip: string, pod: PodReference): Promise<void> {
    attached.set(sandboxId, { ip, pod })
    await gate.admit(ip, pod)
  }
  return {
    ...network,
    admit,
    async attach(sandboxId, pod, into) {
      const attachment = await network.attach(sandboxId, pod, into)
      await admit(sandboxId, attachment.ip, pod)
      return attachment
    },
    expose: (sandboxId, ip, { portMappings, ...reference }) =>
      hostPorts.open(sandboxId, { ip, nodeAddress: network.nodeAddress, reference, portMappings }),
    async detach(sandboxId) {
      await hostPorts.close(sandboxId)
      await network.detach(sandboxId)
      const place = attached.get(sandboxId)
      attached.delete(sandboxId)
      if (place) gate.release(place.ip, place.pod)
    },
  }
}
