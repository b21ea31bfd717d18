import type { Cell, ColumnInfo, Row, Tone } from '#shared/ipc/queries.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import type { Usage } from './usage-feed.ts'

/** A row as the workbench keeps it: what is shown, and what filters look at. */
export interface RowRecord {
  readonly row: Row
  /** Lower case; name, namespace and text cells, one a line. */
  readonly search: string
  /** As `search`, of the cells that show labels: many records share it. */
  readonly labelSearch: string
  readonly labels: Labels | undefined
  readonly owners: readonly string[]
}

export type Labels = Readonly<Record<string, string>>

/** How objects of a kind become rows. */
export interface RowShape {
  columns: ColumnInfo[]
  cells(object: KubeObject): Cell[]
  tone(object: KubeObject): Tone
  usage?: UsageShape
}

/** Where usage goes in the rows of a kind. */
export interface UsageShape {
  metrics: ResourceType
  /** The columns where usage is told, and where nothing tells of it: those of usage are hidden then. */
  with: ColumnInfo[]
  without: ColumnInfo[]
  /** Indexes of cells: a usage, and the shares of the bounds beside it. */
  places: readonly { resource: keyof Usage; at: number; shares: readonly { bound: number; at: number }[] }[]
}

const none: readonly string[] = []

export const uidOf = ({ metadata: { uid, name = '', namespace = '' } = {} }: KubeObject): string =>
  uid ?? `${namespace}/${name}`

/** Slims an object to its record. The object can be dropped afterwards. */
export function toRecord(object: KubeObject, shape: RowShape, pool: Pool): RowRecord {
  const {
    name = '',
    namespace = '',
    creationTimestamp,
    deletionTimestamp,
    labels,
    ownerReferences,
  } = object.metadata ?? {}
  const cells = shape.cells(object)
  let own = `${name}\n${namespace}`
  let common = ''
  for (let i = 0; i < cells.length; i++) {
    const cell = cells[i]
    if (typeof cell !== 'string') continue
    cells[i] = pool.text(i, cell)
    if (shape.columns[i]?.kind === 'labels') common += `\n${cell}`
    else own += `\n${cell}`
  }
  const row: Row = {
    uid: uidOf(object),
    name,
    namespace: pool.text('namespace', namespace),
    created: creationTimestamp ? Date.parse(creationTimestamp) : 0,
    cells,
    tone: shape.tone(object),
    deleting: deletionTimestamp !== undefined,
  }
  return {
    row,
    search: own.toLowerCase(),
    labelSearch: common && pool.text('labels', common.toLowerCase()),
    labels: labels && pool.labels(labels),
    owners: ownerReferences?.length ? ownerReferences.map((owner) => pool.text('owner', owner.uid)) : none,
  }
}

/** Whether nobody could tell the two apart: neither by looking nor by filtering. */
export function sameRecord(a: RowRecord, b: RowRecord): boolean {
  return (
    a.search === b.search &&
    a.labelSearch === b.labelSearch &&
    a.row.tone === b.row.tone &&
    a.row.deleting === b.row.deleting &&
    a.row.created === b.row.created &&
    a.row.name === b.row.name &&
    sameItems(a.row.cells, b.row.cells) &&
    sameItems(a.owners, b.owners) &&
    (a.labels === b.labels || JSON.stringify(a.labels) === JSON.stringify(b.labels))
  )
}

const sameItems = <T>(a: readonly T[], b: readonly T[]): boolean =>
  a.length === b.length && a.every((item, i) => item === b[i])

const most = 4096
/** Tries after which a column shows whether its texts recur. */
const trial = 1024

interface Slot {
  texts: Map<string, string>
  tries: number
  hits: number
}

/**
 * What many objects of a kind have in common, kept once: the labels of a replica set's pods, node names, images. A slot
 * (a column) whose texts turn out to be different in every object (addresses) is left alone.
 */
export class Pool {
  #slots = new Map<string | number, Slot>()
  #labels = new Map<string, Labels>()

  text(of: string | number, text: string): string {
    let slot = this.#slots.get(of)
    if (!slot) this.#slots.set(of, (slot = { texts: new Map(), tries: 0, hits: 0 }))
    if (slot.tries >= trial && slot.hits < slot.tries / 2) {
      slot.texts.clear()
      return text
    }
    slot.tries++
    const known = slot.texts.get(text)
    if (known !== undefined) {
      slot.hits++
      return known
    }
    if (slot.texts.size >= most) slot.texts.clear()
    slot.texts.set(text, text)
    return text
  }

  labels(labels: Labels): Labels {
    const key = JSON.stringify(labels)
    const known = this.#labels.get(key)
    if (known) return known
    if (this.#labels.size >= most) this.#labels.clear()
    this.#labels.set(key, labels)
    return labels
  }
}
