import type { z } from 'zod'
import { accessRequests } from './access.ts'
import { capacityStreams } from './capacity.ts'
import { contextRequests, contextStreams } from './contexts.ts'
import { hostRequests, hostStreams } from './hosts.ts'
import { nodeRequests, nodeStreams } from './nodes.ts'
import { objectRequests, objectStreams } from './objects.ts'
import { queryRequests, queryStreams } from './queries.ts'
import { terminalStreams } from './terminals.ts'

/** Everything the renderer can ask. To add a call, add it to its domain's file and handle it in the workbench. */
export const requests = {
  ...contextRequests,
  ...queryRequests,
  ...objectRequests,
  ...nodeRequests,
  ...accessRequests,
  ...hostRequests,
}
export const streams = {
  ...contextStreams,
  ...queryStreams,
  ...objectStreams,
  ...nodeStreams,
  ...capacityStreams,
  ...terminalStreams,
  ...hostStreams,
}

export type Requests = typeof requests
export type Streams = typeof streams
export type RequestMethod = keyof Requests
export type StreamMethod = keyof Streams

export type RequestParams<M extends RequestMethod> = z.input<Requests[M]['params']>
export type RequestResult<M extends RequestMethod> = Exclude<Requests[M]['result'], undefined>
export type StreamParams<M extends StreamMethod> = z.input<Streams[M]['params']>
export type StreamUp<M extends StreamMethod> = z.input<Streams[M]['up']>
export type StreamDown<M extends StreamMethod> = Exclude<Streams[M]['down'], undefined>
