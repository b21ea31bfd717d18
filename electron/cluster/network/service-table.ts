import type { Service } from 'kubernetes-types/core/v1'
import type { EndpointSlice } from 'kubernetes-types/discovery/v1'
import { keyOf, type Frozen } from '#shared/kube/object.ts'

const serviceNameLabel = 'kubernetes.io/service-name'

/** The Services of the cluster, each with its EndpointSlices. Fed by informers; read by the service proxy and by DNS. */
export class ServiceTable {
  #services = new Map<string, Frozen<Service>>()
  /** By the key of the service, then by the key of the slice. A slice may come before its service and outlive it. */
  #slices = new Map<string, Map<string, Frozen<EndpointSlice>>>()
  #serviceOfSlice = new Map<string, string>()
  #listeners = new Set<(serviceKey: string) => void>()

  setService(service: Frozen<Service>): void {
    const key = keyOf(service)
    this.#services.set(key, service)
    this.#changed(key)
  }

  deleteService(key: string): void {
    if (this.#services.delete(key)) this.#changed(key)
  }

  setSlice(slice: Frozen<EndpointSlice>): void {
    const key = keyOf(slice)
    const name = slice.metadata?.labels?.[serviceNameLabel]
    const owner = name === undefined ? undefined : `${slice.metadata?.namespace ?? ''}/${name}`
    if (this.#serviceOfSlice.get(key) !== owner) this.deleteSlice(key)
    if (owner === undefined) return
    this.#serviceOfSlice.set(key, owner)
    let slices = this.#slices.get(owner)
    if (!slices) this.#slices.set(owner, (slices = new Map()))
    slices.set(key, slice)
    this.#changed(owner)
  }

  deleteSlice(key: string): void {
    const owner = this.#serviceOfSlice.get(key)
    if (owner === undefined) return
    this.#serviceOfSlice.delete(key)
    const slices = this.#slices.get(owner)!
    slices.delete(key)
    if (!slices.size) this.#slices.delete(owner)
    this.#changed(owner)
  }

  service(key: string): Frozen<Service> | undefined {
    return this.#services.get(key)
  }

  services(): Iterable<[key: string, service: Frozen<Service>]> {
    return this.#services.entries()
  }

  slicesOf(serviceKey: string): Frozen<EndpointSlice>[] {
    return [...(this.#slices.get(serviceKey)?.values() ?? [])]
  }

  /** Calls back with the key of a service when it or one of its slices has changed. */
  onChange(listener: (serviceKey: string) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  #changed(serviceKey: string): void {
    for (const listener of this.#listeners) listener(serviceKey)
  }
}
