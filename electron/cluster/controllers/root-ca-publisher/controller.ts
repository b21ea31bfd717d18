import type { ConfigMap } from 'kubernetes-types/core/v1'
import { configMaps, namespaces } from '#shared/kube/resources.ts'
import type { Frozen } from '#shared/kube/object.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { create, nothing, update, type Decision } from '../framework/action.ts'
import { decider, type Controller } from '../framework/controller.ts'
import { isActive, onePerNamespace, tolerateRaces } from '../framework/support/active-namespaces.ts'
import { equal } from '../framework/support/equality.ts'

const name = 'kube-root-ca.crt'
const annotations = {
  'kubernetes.io/description':
    'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.',
}

/** Keeps the certificate that pods verify the API server with in every namespace. `rootCa`: PEM. */
export function rootCaPublisher({ informers, rootCa }: { informers: InformerFactory; rootCa: string }): Controller {
  const all = informers.for(namespaces)
  const maps = informers.for(configMaps)
  const data = { 'ca.crt': rootCa }
  const reconcile = ({
    namespace,
    current,
  }: {
    namespace: string
    current: Frozen<ConfigMap> | undefined
  }): Decision => {
    if (!current)
      return { steps: [create(configMaps, { metadata: { name, namespace, annotations }, data }, tolerateRaces)] }
    const described = current.metadata?.annotations?.['kubernetes.io/description'] !== undefined
    if (equal(current.data, data) && described) return nothing
    const metadata = { ...current.metadata, annotations: { ...current.metadata?.annotations, ...annotations } }
    return { steps: [update(configMaps, { ...current, metadata, data })] }
  }
  return decider({
    name: 'root-ca-cert-publisher',
    workers: 1,
    watches: onePerNamespace(informers, configMaps, name),
    observe: (namespace) =>
      isActive(all.lister.get(namespace)) ? { namespace, current: maps.lister.get(`${namespace}/${name}`) } : undefined,
    reconcile,
  })
}
