import type { KubeObject } from '#shared/kube/object.ts'
import type { Write } from '../../store/api.ts'
import { encodeStored } from '../storage/codec.ts'
import { contextOf, type Core, type Operation } from './operation.ts'

const nothing = (): void => {}

/** Takes what the write needs from outside its object. The answer must be called once with the write's outcome. */
export function reserve(
  core: Core,
  op: Operation,
  object: KubeObject,
  old: KubeObject | undefined,
): (isStored: boolean) => void {
  const reservation = reservationOf(core, op)
  if (!reservation) return nothing
  const { kind } = op
  const { store, type } = kind.objects
  if (store.shared) reservation.restore(store.range(type.prefix).map((entry) => kind.object(entry)))
  return reservation.reserve(object, old, contextOf(core, op), core.services)
}

/**
 * What has to be written along with the object, so that no other server takes the same. It fails as a whole where one did
 * in the meantime, with ExpectationError of another key than the object's: then everything is tried again.
 */
export function ledgerOf(core: Core, op: Operation): Write[] {
  if (!isContended(core, op) || op.subresource) return []
  const { store } = op.kind.objects
  const { place, object } = reservationOf(core, op)!.ledger()
  const key = `/registry/${place}`
  return [{ key, expect: store.latest(key)?.revision ?? 0, value: (revision) => encodeStored(object, revision).value }]
}

/** Whether other servers may reserve the same at the same time. */
export const isContended = (core: Core, op: Operation): boolean =>
  op.kind.objects.store.shared && reservationOf(core, op) !== undefined

/** The object is gone for good. */
export function release(core: Core, op: Operation, object: KubeObject): void {
  reservationOf(core, op)?.release(object)
}

const reservationOf = (core: Core, { kind }: Operation) =>
  core.reservations.get(`${kind.definition.group}/${kind.definition.plural}`)
