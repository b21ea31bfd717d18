import { notAcceptable } from '#shared/kube/status.ts'
import type { Clock } from '../../base/clock.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import type { Writing } from './answer.ts'
import type { ApiRequest } from './api-request.ts'
import { accepted, type Accepted, type Forms } from './media.ts'
import { metadataView } from './metadata-view.ts'
import { plainView } from './plain-view.ts'
import { protobufMetadataView, protobufView } from './protobuf-view.ts'
import { tableView } from './table.ts'
import type { View } from './view.ts'

/** In which form a request wants the objects of a kind. */
export interface Showing {
  readonly view: View
  /** How statuses and other objects beside them are written. */
  readonly writing: Writing
}

/** Throws 406. */
export const wantedOf = ({ exchange }: ApiRequest, forms: Forms): Accepted => accepted(exchange.header('accept'), forms)

export function showing(
  request: ApiRequest,
  kind: ServedKind,
  clock: Clock,
  wanted: Accepted = wantedOf(request, kind),
): Showing {
  const { verb } = request.info
  // Tables are asked about their rows in the query of reads only.
  const includeObject =
    verb === 'get' || verb === 'list' || verb === 'watch' ? request.query.get('includeObject') : null
  return {
    view: viewOf(kind, wanted, includeObject, clock),
    writing: { ...request.writing, format: wanted.format },
  }
}

export function viewOf(kind: ServedKind, wanted: Accepted, includeObject: string | null, clock: Clock): View {
  const isProtobuf = wanted.format === 'protobuf'
  switch (wanted.as) {
    case '':
      return isProtobuf ? protobufView(kind, clock) : plainView(kind)
    case 'Table':
      return tableView(kind, wanted.version, includeObject, clock)
    default:
      return isProtobuf ? protobufMetadataView(kind, wanted.version, clock) : metadataView(kind, wanted.version)
  }
}

/** A list asked for as the view of one object, or the reverse, cannot be given. */
export function checkShape(wanted: Accepted, list: boolean): void {
  const wrong = list ? wanted.as === 'PartialObjectMetadata' : wanted.as === 'PartialObjectMetadataList'
  if (wrong)
    throw notAcceptable(
      `only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf`,
    )
}
