import { z } from 'zod'
import { stream } from './define.ts'
import { cells, containerName, contextId, namespaceName, objectName } from './words.ts'

export interface LogLine {
  /** RFC 3339 with nanoseconds. */
  time: string
  pod: string
  container: string
  text: string
}

export interface LogMessage {
  lines?: LogLine[]
  /** What happened to the stream, for people: `following`, `container restarted`, `pod gone`. */
  note?: string
  error?: string
}

const podRef = z.object({
  context: contextId,
  namespace: namespaceName.min(1),
  pod: objectName,
  container: containerName.optional(),
})

export const terminalStreams = {
  'logs.open': stream<LogMessage>()(
    podRef.extend({
      previous: z.boolean().default(false),
      tailLines: z.number().int().min(0).max(1_000_000).optional(),
      sinceSeconds: z.number().int().min(1).optional(),
      follow: z.boolean().default(true),
    }),
    z.never(),
  ),
  /** A terminal. `data` is text both ways. */
  'exec.open': stream<{ data?: string; exit?: { code: number; message?: string } }>()(
    podRef.extend({
      command: z.array(z.string().max(100_000)).min(1).max(1000),
      attach: z.boolean().default(false),
      columns: cells,
      rows: cells,
    }),
    z.object({
      data: z.string().max(8_000_000).optional(),
      resize: z.object({ columns: cells, rows: cells }).optional(),
    }),
  ),
}
