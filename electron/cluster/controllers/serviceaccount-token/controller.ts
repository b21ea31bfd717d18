import { keyOf, type KubeObject } from '#shared/kube/object.ts'
import { secrets, serviceAccounts } from '#shared/kube/resources.ts'
import { accountName } from '#shared/kube/service-account-tokens.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { reconcile, tokenType, type SignToken } from './reconcile.ts'

/** Puts tokens that do not end into the secrets that ask for them. Upstream runs it as the controller manager itself. */
export function serviceAccountTokenController({
  informers,
  rootCa,
  sign,
}: {
  informers: InformerFactory
  rootCa: string
  sign: SignToken
}): Controller {
  const tokens = informers.for(secrets, { fieldSelector: `type=${tokenType}` })
  const accounts = informers.for(serviceAccounts)
  const accountOf = ({
    metadata,
  }: {
    readonly metadata?: { namespace?: string; annotations?: Readonly<Record<string, string>> }
  }) => `${metadata?.namespace ?? ''}/${metadata?.annotations?.[accountName] ?? ''}`
  const byAccount = tokens.index('account', (secret) => [accountOf(secret)])
  return decider({
    name: 'service-account-token-controller',
    account: 'system:kube-controller-manager',
    workers: 1,
    watches: [
      watch(tokens, (secret) => [keyOf(secret as KubeObject)]),
      watch(accounts, (account) =>
        byAccount.get(keyOf(account as KubeObject)).map((secret) => keyOf(secret as KubeObject)),
      ),
    ],
    observe(key) {
      const secret = tokens.lister.get(key)
      return secret && { secret, account: accounts.lister.get(accountOf(secret)), rootCa, sign }
    },
    reconcile,
  })
}
