import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { internal } from '#shared/kube/status.ts'
import type { Controller } from '../controller.ts'
import { harness, type Harness, type HarnessParts } from './harness.ts'

export interface Lives {
  /** `verb resource namespace/name` of every write but those of Events, in order. */
  readonly writes: readonly string[]
  /** How often the process ended. */
  readonly deaths: number
  readonly last: Harness
}

/**
 * Runs controllers that die after each single write, before anything else is done, and start anew on the same server.
 * `play` is the rest of the world: it changes things between two lives and answers whether it still had to.
 */
export async function withRestarts(
  controllers: (parts: HarnessParts) => readonly Controller[],
  objects: readonly KubeObject[],
  play: (h: Harness) => boolean,
): Promise<Lives> {
  const writes: string[] = []
  let written = 0
  let isFirst = true
  const mortal = (parts: HarnessParts) => {
    if (isFirst)
      for (const verb of ['create', 'update', 'patch', 'delete'] as const)
        parts.client.react(verb, '*', ({ resource, namespace = '', name, body }) => {
          if (resource === 'events') return
          if (written++) throw internal('dead')
          writes.push(`${verb} ${resource} ${keyOf(name ? { metadata: { namespace, name } } : (body as KubeObject))}`)
        })
    isFirst = false
    return controllers(parts)
  }
  await using h = await harness(mortal, objects)
  for (let deaths = 0; deaths < 500; deaths++) {
    await h.run(1)
    const moved = play(h)
    if (!written && !moved) return { writes, deaths, last: h }
    written = 0
    await h.restart()
  }
  throw new Error(`the controllers have not come to rest; the last writes: ${writes.slice(-10).join(', ')}`)
}
