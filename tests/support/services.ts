import type { Service } from 'kubernetes-types/core/v1'
import { loadBalancerAnnotation, parseLoadBalancerReport } from '#shared/kube/load-balancer.ts'
import type { Kubectl } from './kubectl.ts'
import { eventually } from './wait.ts'

/** Where this machine serves a load-balanced service: under its own port, or the one chosen because that was taken. */
export async function loadBalancerAddress(k: Kubectl, name: string): Promise<string> {
  const bound = await eventually(`the service ${name} bound to a port`, async () => {
    const { metadata } = await k.json<Service>('get', 'service', name)
    return parseLoadBalancerReport(metadata?.annotations?.[loadBalancerAnnotation], metadata?.uid)?.ports[0]?.bound
  })
  return `http://127.0.0.1:${bound}`
}
