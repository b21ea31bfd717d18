import { expect, it } from 'vitest'
import { kinds } from '../registry/index.ts'
import { smallCore } from '../testing/small-core.ts'
import { typeOf } from './type-of.ts'

it.each([
  ['apps/v1', 'Deployment', 'io.k8s.api.apps.v1.Deployment'],
  ['v1', 'PodList', 'io.k8s.api.core.v1.PodList'],
  ['v1', 'Status', 'io.k8s.apimachinery.pkg.apis.meta.v1.Status'],
  ['apps/v1', 'DeleteOptions', 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'],
  ['meta.k8s.io/v1', 'PartialObjectMetadataList', 'io.k8s.apimachinery.pkg.apis.meta.v1.PartialObjectMetadataList'],
  ['v1', 'Nonsense', undefined],
])('knows of %s %s that it is a %s', (apiVersion, kind, type) => {
  expect(typeOf(smallCore({ kinds }).core.kinds, apiVersion, kind)).toBe(type)
})
