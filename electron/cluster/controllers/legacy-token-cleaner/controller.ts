import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { configMaps, pods, secrets, serviceAccounts } from '#shared/kube/resources.ts'
import { accountName } from '#shared/kube/service-account-tokens.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, reads, watch, type Controller } from '../framework/controller.ts'
import { namesSecret } from './mounted-secrets.ts'
import { reconcile } from './reconcile.ts'

const tracking = { namespace: 'kube-system', name: 'kube-apiserver-legacy-service-account-token-tracking' }

/** Retires the tokens in secrets that nobody uses. Looks at each once a day. */
export function legacyTokenCleaner({ informers }: { informers: InformerFactory }): Controller {
  const tokens = informers.for(secrets, { fieldSelector: 'type=kubernetes.io/service-account-token' })
  const accounts = informers.for(serviceAccounts)
  const podInformer = informers.for(pods)
  const since = informers.for(configMaps, {
    namespace: tracking.namespace,
    fieldSelector: `metadata.name=${tracking.name}`,
  })
  return decider({
    name: 'legacy-service-account-token-cleaner',
    workers: 1,
    writesTo: [tokens],
    watches: [
      watch(tokens, (secret) => [keyOf(secret as KubeObject)]),
      reads(accounts),
      reads(podInformer),
      reads(since),
    ],
    observe(key) {
      const secret = tokens.lister.get(key)
      if (!secret) return undefined
      const { namespace = '', name = '', annotations } = secret.metadata ?? {}
      return {
        secret,
        account: accounts.lister.get(`${namespace}/${annotations?.[accountName]}`),
        trackedSince: since.lister.get(keyOf({ metadata: tracking }))?.data?.['since'],
        isMounted: () => podInformer.lister.list(namespace).some((pod) => namesSecret(pod, name)),
      }
    },
    reconcile,
  })
}
