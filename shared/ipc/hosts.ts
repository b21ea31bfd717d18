import { z } from 'zod'
import { request, stream } from './define.ts'
import { contextId, namespaceName, port } from './words.ts'

/** The built-in cluster's processes, as their supervisor sees them. */
export interface BuiltinStatus {
  state: 'stopped' | 'starting' | 'running' | 'restarting' | 'failed'
  message?: string
  cure?: string
  dataDirectory: string
  kubeconfig?: string
  server?: string
  pid?: number
  restarts: number
}

export interface Forward {
  id: string
  context: string
  namespace: string
  /** `pod/name` or `service/name`. */
  target: string
  remotePort: number
  localPort: number
  url: string
  state: 'listening' | 'failed'
  message?: string
}

export interface Settings {
  theme: 'system' | 'light' | 'dark'
  welcomed: boolean
  lastContext?: string
  namespaces: Record<string, string[]>
  /** Contexts that are protected from changes. Told, but set by `contexts.protect` alone. */
  protected: string[]
}

export const hostStreams = {
  'builtin.watch': stream<BuiltinStatus>()(z.object({}), z.never()),
  'forwards.watch': stream<{ forwards: Forward[] }>()(z.object({}), z.never()),
}

export const hostRequests = {
  'builtin.start': request<void>()(z.object({})),
  'builtin.stop': request<void>()(z.object({})),
  /** Stops, forgets all data, starts anew. */
  'builtin.reset': request<void>()(z.object({})),
  /** The manifests of resources/manifests by name. */
  'samples.list': request<{ name: string; title: string; description: string; yaml: string }[]>()(z.object({})),
  'forwards.open': request<Forward>()(
    z.object({
      context: contextId,
      namespace: namespaceName,
      target: z.string().regex(/^(pod|service)\/[^/%]{1,253}$/, 'is neither pod/name nor service/name'),
      remotePort: port,
      /** Absent or 0: any free port. */
      localPort: z.number().int().min(0).max(65_535).optional(),
    }),
  ),
  'forwards.close': request<void>()(z.object({ id: z.string().max(100) })),
  'settings.get': request<Settings>()(z.object({})),
  'settings.set': request<Settings>()(
    z.object({
      theme: z.enum(['system', 'light', 'dark']).optional(),
      welcomed: z.boolean().optional(),
      lastContext: contextId.optional(),
      namespaces: z.record(contextId, z.array(namespaceName).max(1000)).optional(),
    }),
  ),
  'app.info': request<{ version: string; host: 'electron' | 'serve'; platform: string }>()(z.object({})),
}
