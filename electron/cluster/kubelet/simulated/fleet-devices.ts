import type { DeviceClass, ResourceSlice } from '#shared/kube/devices.ts'
import { apiVersionOf, deviceClasses, nodes, resourceSlices } from '#shared/kube/resources.ts'
import { simulatedDriver } from '#shared/kube/simulated.ts'
import { isAlreadyExists, isNotFound } from '#shared/kube/status.ts'
import type { KubeClient } from '../../client/api.ts'

/** All devices that simulated nodes pretend to have. */
const simulatedClass: DeviceClass = {
  apiVersion: apiVersionOf(deviceClasses),
  kind: deviceClasses.kind,
  metadata: { name: simulatedDriver },
  spec: { selectors: [{ cel: { expression: `device.driver == ${JSON.stringify(simulatedDriver)}` } }] },
}

const ignoring = (isFine: (error: unknown) => boolean) => (error: unknown) => {
  if (!isFine(error)) throw error
}

export const makeDeviceClass = async (client: KubeClient): Promise<void> => {
  await client.create(deviceClasses, simulatedClass).catch(ignoring(isAlreadyExists))
}

/** Publishes so many devices of a node, in a slice that goes with it. */
export async function publishDevices(
  client: KubeClient,
  node: { readonly name: string; readonly uid: string },
  count: number,
): Promise<void> {
  const slice = sliceOf(node, count, 1)
  try {
    await client.create(resourceSlices, slice)
  } catch (error) {
    if (!isAlreadyExists(error)) throw error
    const old = await client.get(resourceSlices, { name: slice.metadata?.name ?? '' })
    if (old.spec?.devices?.length === count) return
    const { metadata, spec } = sliceOf(node, count, (old.spec?.pool?.generation ?? 0) + 1)
    await client.update(resourceSlices, {
      ...old,
      metadata: { ...old.metadata, ...metadata },
      ...(spec ? { spec } : {}),
    })
  }
}

/** Takes away what an earlier fleet has published. */
export async function withdrawDevices(client: KubeClient): Promise<void> {
  const { items } = await client.list(resourceSlices, { fieldSelector: `spec.driver=${simulatedDriver}` })
  for (const { metadata } of items)
    await client.delete(resourceSlices, { name: metadata?.name ?? '' }).catch(ignoring(isNotFound))
}

function sliceOf({ name, uid }: { name: string; uid: string }, count: number, generation: number): ResourceSlice {
  return {
    apiVersion: apiVersionOf(resourceSlices),
    kind: resourceSlices.kind,
    metadata: {
      name: `${name}-${simulatedDriver}`,
      ownerReferences: [{ apiVersion: apiVersionOf(nodes), kind: nodes.kind, name, uid, controller: true }],
    },
    spec: {
      driver: simulatedDriver,
      nodeName: name,
      pool: { name, generation, resourceSliceCount: 1 },
      devices: Array.from({ length: count }, (_, index) => ({
        name: `device-${index}`,
        attributes: { index: { int: index }, model: { string: index % 2 ? 'small' : 'large' } },
        capacity: { memory: { value: index % 2 ? '16Gi' : '80Gi' } },
      })),
    },
  }
}
