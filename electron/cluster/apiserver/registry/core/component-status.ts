import type { KubeObject } from '#shared/kube/object.ts'
import { notFound } from '#shared/kube/status.ts'
import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'

/** Kept for old clients: every component runs in this process, so that who answers is healthy. */
const components = [
  ['controller-manager', 'ok'],
  ['scheduler', 'ok'],
  ['etcd-0', 'ok'],
] as const

const statusOf = ([name, message]: (typeof components)[number]): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'ComponentStatus',
    metadata: { name },
    conditions: [{ type: 'Healthy', status: 'True', message }],
  }) as KubeObject

const define = kindsOf('', 'v1')

export const componentStatus: KindDefinition = define({
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  namespaced: false,
  shortNames: ['cs'],
  verbs: ['get', 'list'],
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  virtual: {
    async get(name) {
      const component = components.find(([each]) => each === name)
      if (!component) throw notFound({ group: '', plural: 'componentstatuses' }, name)
      return statusOf(component)
    },
    list: async () => components.map(statusOf),
  },
})
