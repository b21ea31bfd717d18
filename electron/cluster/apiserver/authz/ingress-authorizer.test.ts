import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { ingress } from '../registry/networking/ingress.ts'
import { smallKinds } from '../testing/kinds.ts'
import { smallCore } from '../testing/small-core.ts'
import { ingressAuthorizer } from './ingress-authorizer.ts'

it('lets the ingress controller read the secrets that Ingresses name for TLS, as they are now, and no others', async () => {
  const small = smallCore({ kinds: [...smallKinds, ingress as (typeof smallKinds)[number]] })
  const authorizer = ingressAuthorizer(small.core.kinds, 'wheelhouse:ingress')
  const may = (verb: string, name: string, namespace = 'a', user = 'wheelhouse:ingress') =>
    authorizer.authorize({
      user: { name: user, groups: [] },
      verb,
      isResource: true,
      group: '',
      version: 'v1',
      resource: 'secrets',
      subresource: '',
      namespace,
      name,
      path: '',
    }).allowed
  expect(may('get', 'shown')).toBe(false)
  await small.create({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { name: 'web', namespace: 'a' },
    spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } }, tls: [{ secretName: 'shown' }] },
  } as KubeObject)
  expect(['get', 'list', 'watch'].map((verb) => may(verb, 'shown'))).toEqual([true, true, true])
  expect([
    may('update', 'shown'),
    may('get', 'other'),
    may('get', 'shown', 'b'),
    may('list', ''),
    may('list', 'shown', ''),
    may('get', 'shown', 'a', 'jane'),
  ]).toEqual([false, false, false, false, false, false])
})
