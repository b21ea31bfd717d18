import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Contexts } from '../connections/contexts.ts'
import type { FakeApiServer } from './fake-api-server.ts'

/** A catalogue whose one context leads to the server. */
export function contextsOf(server: FakeApiServer): Disposable & { contexts: Contexts; context: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'contexts-'))
  const file = path.join(folder, 'config')
  writeFileSync(file, server.kubeconfig())
  const contexts = new Contexts({ files: [file] })
  return {
    contexts,
    context: `${file}#fake`,
    [Symbol.dispose]() {
      contexts[Symbol.dispose]()
      rmSync(folder, { recursive: true })
    },
  }
}
