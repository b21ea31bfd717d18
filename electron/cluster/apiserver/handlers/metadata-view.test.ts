import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { kinds } from '../registry/index.ts'
import { smallCore } from '../testing/small-core.ts'
import { metadataView } from './metadata-view.ts'
import { plainView } from './plain-view.ts'

it('shows metadata alone without the annotations that are written for fields', async () => {
  const { kind, create } = smallCore({ kinds })
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  const asked = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'd', annotations: { mine: 'x' } },
    spec: { selector: { matchLabels: { a: 'b' } }, template },
  } as KubeObject
  const served = kind('daemonsets')
  served.strategy.setDefaults(asked)
  const daemonSet = await create(asked)
  const entry = served.objects.get(served.objects.keyOf('a', 'd'))!
  const annotations = (bytes: Buffer) => (JSON.parse(bytes.toString()) as KubeObject).metadata!.annotations
  const written = { mine: 'x', 'deprecated.daemonset.template.generation': '1' }
  const view = metadataView(served, 'v1')
  expect(annotations(plainView(served).one(entry))).toEqual(written)
  expect(annotations(view.one(entry))).toEqual({ mine: 'x' })
  expect(annotations(view.object(daemonSet))).toEqual({ mine: 'x' })
})
