import type { Entry } from '../../store/api.ts'
import { isNotFound } from '#shared/kube/status.ts'
import { namespaceIn, nameIn, type ServedKind } from '../kinds/served-kind.ts'
import { listEntries, type ListPage, type ListRequest } from '../storage/list.ts'
import { deleteObject, type DeleteRequest } from './delete.ts'
import type { Core, Operation } from './operation.ts'

/** So many deletions are under way at once: they share commits, and nobody waits behind all of them. */
const atOnce = 64

/** Deletes what a list with the same options would show; answers with that list. */
export async function deleteCollection(
  core: Core,
  op: Operation,
  request: ListRequest,
  options: DeleteRequest,
): Promise<ListPage> {
  const page = await listEntries(op.kind, request, core.clock)
  const waiting = [...page.entries]
  const work = async () => {
    for (let entry = waiting.shift(); entry; entry = waiting.shift()) await deleteListed(core, op, entry, options)
  }
  await Promise.all(Array.from({ length: Math.min(atOnce, waiting.length) }, work))
  return page
}

async function deleteListed(core: Core, op: Operation, entry: Entry, options: DeleteRequest): Promise<void> {
  const named = { ...op, name: nameIn(entry.key), namespace: namespaceOf(op.kind, entry) }
  try {
    await deleteObject(core, named, options)
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}

const namespaceOf = (kind: ServedKind, entry: Entry): string | undefined =>
  kind.namespaced ? namespaceIn(entry.key) : undefined
