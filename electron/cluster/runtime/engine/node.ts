import { Disposer } from '../../base/dispose.ts'
import type { Runtime } from '../api.ts'
import { stopPods } from '../stop-pods.ts'
import { createEngineRuntime, type EngineRuntimeDeps } from './runtime.ts'

/**
 * The runtime of one node. Disposing stops its pods; what they were stays in the engine for the next start. An agent that is
 * killed leaves them alone.
 */
export async function openEngineNode(deps: EngineRuntimeDeps): Promise<Runtime> {
  const owned = new Disposer()
  const runtime = owned.own(await createEngineRuntime(deps))
  owned.defer(() => stopPods(runtime, deps.logger))
  return { ...runtime, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() }
}
