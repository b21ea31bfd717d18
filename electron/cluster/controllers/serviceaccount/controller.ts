import { namespaces, serviceAccounts } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { create, nothing } from '../framework/action.ts'
import { decider, type Controller } from '../framework/controller.ts'
import { isActive, onePerNamespace, tolerateRaces } from '../framework/support/active-namespaces.ts'

const name = 'default'

/** Keeps the service account `default` in every namespace: pods that name no other run as it. */
export function serviceAccountController({ informers }: { informers: InformerFactory }): Controller {
  const all = informers.for(namespaces)
  const accounts = informers.for(serviceAccounts)
  return decider({
    name: 'service-account-controller',
    workers: 1,
    watches: onePerNamespace(informers, serviceAccounts, name),
    observe: (namespace) =>
      isActive(all.lister.get(namespace))
        ? { namespace, exists: accounts.lister.get(`${namespace}/${name}`) !== undefined }
        : undefined,
    reconcile: ({ namespace, exists }) =>
      exists ? nothing : { steps: [create(serviceAccounts, { metadata: { name, namespace } }, tolerateRaces)] },
  })
}
