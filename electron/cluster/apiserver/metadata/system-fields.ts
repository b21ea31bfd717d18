import { badRequest } from '#shared/kube/status.ts'
import type { KubeObject, ObjectMeta } from '#shared/kube/object.ts'
import { timestamp, type Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import { metadataOf, type Metadata } from './metadata.ts'

/** Clients may say none of this about an object that does not exist yet. */
export function wipeSystemFields(metadata: Metadata): void {
  delete metadata.creationTimestamp
  delete metadata.uid
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  delete metadata.selfLink
  delete metadata.resourceVersion
}

export function fillSystemFields(metadata: Metadata, { clock, random }: { clock: Clock; random: Random }): void {
  metadata.uid = random.uuid()
  metadata.creationTimestamp = timestamp(clock.now())
}

/** Puts the request's namespace into the object, or refuses another one. */
export function ensureNamespace(object: KubeObject, namespace: string | undefined): void {
  const metadata = metadataOf(object)
  if (namespace === undefined) return
  if (!metadata.namespace) metadata.namespace = namespace
  else if (metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request')
  }
}

/** For writes to a name: the object must be the one in the URL. */
export function checkName(object: KubeObject, name: string, namespace: string | undefined): void {
  const metadata = object.metadata ?? {}
  if (!metadata.name)
    throw badRequest('the name of the object (based on URL) was undeterminable: name must be provided')
  if (metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`)
  }
  if (namespace && metadata.namespace && metadata.namespace !== namespace) {
    throw badRequest(
      `the namespace of the object (${metadata.namespace}) does not match the namespace on the request (${namespace})`,
    )
  }
}

/** One owner once: the first entry of a UID stays. Answers whether there was another. */
export function dropDuplicateOwners(metadata: Metadata): boolean {
  const owners = metadata.ownerReferences
  if (!owners || owners.length < 2) return false
  const seen = new Set<string>()
  const kept = owners.filter(({ uid }) => seen.size !== seen.add(uid).size)
  if (kept.length === owners.length) return false
  metadata.ownerReferences = kept
  return true
}

/** Fields that an update cannot change, whatever it says. Source: apiserver/pkg/registry/rest/update.go. */
export function keepSystemFields(metadata: Metadata, old: ObjectMeta): void {
  if (!metadata.uid && old.uid !== undefined) metadata.uid = old.uid
  if (old.creationTimestamp !== undefined) metadata.creationTimestamp = old.creationTimestamp
  if (old.deletionTimestamp) metadata.deletionTimestamp = old.deletionTimestamp
  if (old.deletionGracePeriodSeconds !== undefined && metadata.deletionGracePeriodSeconds === undefined) {
    metadata.deletionGracePeriodSeconds = old.deletionGracePeriodSeconds
  }
  delete metadata.selfLink
}
