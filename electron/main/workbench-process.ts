import path from 'node:path'
import { dialog, utilityProcess, type MessagePortMain } from 'electron'

export interface WorkbenchProcess {
  /** Hands a window's end of the channel to the workbench. */
  connect(port: MessagePortMain): void
  /** Called when another process took over: windows need new ports. Returns how to unsubscribe. */
  onRestart(callback: () => void): () => void
  /** Asks it to stop the built-in cluster and end; kills it when it does not. */
  stop(): Promise<void>
}

/** The workbench gives the built-in cluster 20 s before it kills it: killed earlier itself, it would leave one that hangs. */
const patience = 22_000
const mostCrashes = 3
const quick = 30_000

/** The workbench in a utility process, started again when it crashes; not endlessly. */
export function startWorkbench(): WorkbenchProcess {
  const entry = path.join(import.meta.dirname, 'workbench.mjs')
  const listeners = new Set<() => void>()
  let stopping = false
  let crashes = 0
  let child: Electron.UtilityProcess | undefined = spawn()

  function spawn(): Electron.UtilityProcess {
    const began = performance.now()
    const next = utilityProcess.fork(entry, ['--host=electron'], {
      serviceName: 'Wheelhouse workbench',
      stdio: 'inherit',
    })
    next.once('exit', (code) => {
      child = undefined
      if (stopping) return
      crashes = performance.now() - began < quick ? crashes + 1 : 1
      if (crashes >= mostCrashes) {
        dialog.showErrorBox(
          'Wheelhouse cannot go on',
          `Its workbench ended ${crashes} times in a row, the last time with code ${code}. Quit and start Wheelhouse again.`,
        )
        return
      }
      child = spawn()
      for (const callback of listeners) callback()
    })
    return next
  }

  return {
    connect: (port) => child?.postMessage({ type: 'connect' }, [port]),
    onRestart(callback) {
      listeners.add(callback)
      return () => void listeners.delete(callback)
    },
    stop() {
      stopping = true
      const ending = child
      if (!ending) return Promise.resolve()
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          ending.kill()
          resolve()
        }, patience)
        ending.once('exit', () => {
          clearTimeout(timer)
          resolve()
        })
        ending.postMessage({ type: 'stop' })
      })
    },
  }
}
