import path from 'node:path'
import type { FramePort } from '#shared/ipc/channel.ts'
import { accessRequests } from './access/handlers.ts'
import { Supervisor } from './builtin/supervisor.ts'
import { capacityStreams } from './capacity/handlers.ts'
import { serveChannel, type RequestHandlers, type StreamHandlers } from './channel/server.ts'
import { Contexts } from './connections/contexts.ts'
import { contextRequests, contextStreams } from './connections/handlers.ts'
import { Forwards } from './forwards/forwards.ts'
import { logStreams } from './logs/stream.ts'
import { nodeRequests, nodeStreams } from './nodes/handlers.ts'
import { objectRequests } from './objects/handlers.ts'
import { objectStreams } from './objects/watch.ts'
import { queryRequests, queryStreams } from './queries/handlers.ts'
import { SharedLists } from './queries/shared-lists.ts'
import { readSamples } from './samples.ts'
import { SettingsFile } from './settings/settings.ts'
import { terminalStreams } from './terminals/stream.ts'

export interface WorkbenchOptions {
  host: 'electron' | 'serve'
  version: string
  /** Where settings lie. */
  userDirectory: string
  /** Data of the built-in cluster. */
  clusterDirectory: string
  kubeconfigFiles: readonly string[]
  nodeBinary: string
  nodeFlags?: readonly string[]
  clusterEntry: string
  manifestsDirectory: string
}

/** Everything that the UI can ask, wired. Serves any number of windows. */
export interface Workbench extends AsyncDisposable {
  attach(port: FramePort): void
  readonly supervisor: Supervisor
}

export function createWorkbench(options: WorkbenchOptions): Workbench {
  const settings = new SettingsFile(path.join(options.userDirectory, 'settings.json'))
  const contexts = new Contexts({
    files: options.kubeconfigFiles,
    protected: { get: () => settings.get().protected, set: (ids) => void settings.set({ protected: [...ids] }) },
  })
  const supervisor = new Supervisor({
    dataDirectory: options.clusterDirectory,
    nodeBinary: options.nodeBinary,
    nodeFlags: options.nodeFlags ?? [],
    entry: options.clusterEntry,
    onStatus: (status) => contexts.builtinChanged(status),
  })
  const lists = new SharedLists()
  const forwards = new Forwards(contexts)

  const requests: RequestHandlers = {
    ...contextRequests(contexts),
    ...queryRequests(contexts, lists),
    ...objectRequests(contexts),
    ...nodeRequests(contexts),
    ...accessRequests(contexts),
    ...supervisor.requests(),
    ...forwards.requests(),
    'samples.list': () => readSamples(options.manifestsDirectory),
    'settings.get': () => settings.get(),
    'settings.set': (change) => settings.set(change),
    'app.info': () => ({ version: options.version, host: options.host, platform: process.platform }),
  }
  const streams: StreamHandlers = {
    ...contextStreams(contexts),
    ...objectStreams(contexts),
    ...nodeStreams(contexts),
    ...capacityStreams(contexts, lists),
    ...supervisor.streams(),
    ...forwards.streams(),
    ...logStreams(contexts),
    ...terminalStreams(contexts),
    ...queryStreams(contexts, lists),
  }

  const ports = new Set<FramePort>()
  return {
    attach(port) {
      ports.add(port)
      port.onClose(() => ports.delete(port))
      serveChannel(port, { requests, streams })
    },
    supervisor,
    async [Symbol.asyncDispose]() {
      for (const port of ports) port.close()
      forwards[Symbol.dispose]()
      lists[Symbol.dispose]()
      contexts[Symbol.dispose]()
      await supervisor.stop()
    },
  }
}
