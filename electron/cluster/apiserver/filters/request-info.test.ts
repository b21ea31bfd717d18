import { expect, it } from 'vitest'
import { requestInfo } from './request-info.ts'

it.each([
  ['GET', '/api/v1/namespaces/a/pods', { verb: 'list', namespace: 'a', resource: 'pods', name: '' }],
  ['GET', '/api/v1/namespaces/a/pods?watch=1', { verb: 'watch', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/a/pods?watch=false', { verb: 'list' }],
  ['GET', '/api/v1/watch/namespaces/a/pods', { verb: 'watch', namespace: 'a', resource: 'pods' }],
  ['GET', '/api/v1/namespaces/a/pods/p/log?follow=true', { verb: 'get', name: 'p', subresource: 'log' }],
  ['POST', '/api/v1/namespaces', { verb: 'create', resource: 'namespaces', namespace: '' }],
  ['GET', '/api/v1/namespaces/a', { verb: 'get', resource: 'namespaces', name: 'a', namespace: 'a' }],
  [
    'PUT',
    '/api/v1/namespaces/a/finalize',
    { verb: 'update', resource: 'namespaces', name: 'a', subresource: 'finalize' },
  ],
  [
    'DELETE',
    '/apis/apps/v1/namespaces/a/deployments',
    { verb: 'deletecollection', group: 'apps', version: 'v1', resource: 'deployments' },
  ],
  ['PATCH', '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3Anode', { verb: 'patch', name: 'system:node' }],
  ['GET', '/api/v1/nodes/n/proxy/stats/summary', { subresource: 'proxy', rest: ['stats', 'summary'] }],
])('%s %s is understood', (method, target, expected) => {
  expect(requestInfo(method, target)).toMatchObject({ isResource: true, ...expected })
})

it.each(['/', '/api', '/api/v1', '/apis/apps/v1', '/healthz', '/openapi/v3'])('%s is no resource', (path) => {
  expect(requestInfo('GET', path)).toMatchObject({ isResource: false, verb: 'get', path })
})
