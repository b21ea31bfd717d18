import { badRequest, conflict, invalid as invalidObject, notFound } from '#shared/kube/status.ts'
import type { KubeObject } from '#shared/kube/object.ts'
import { timestamp } from '../../../base/clock.ts'
import { ageColumn, nameColumn } from '../columns/common.ts'
import { kindsOf } from '../define.ts'
import type { ActionServices, KindDefinition, StrategyContext } from '../kind.ts'
import { invalid } from '../validation/field.ts'

type ServiceAccount = KubeObject & { secrets?: { name?: string }[] }

interface TokenRequest extends KubeObject {
  spec?: {
    audiences?: string[]
    expirationSeconds?: number
    boundObjectRef?: { kind?: string; apiVersion?: string; name?: string; uid?: string }
  }
  status?: { token: string; expirationTimestamp: string }
}

const accounts = { group: '', plural: 'serviceaccounts' }
const boundKinds: Readonly<Record<string, string>> = { Pod: 'pods', Secret: 'secrets', Node: 'nodes' }
const shortest = 600

/** Source: registry/core/serviceaccount/storage/token.go. */
async function requestToken(
  input: TokenRequest,
  name: string,
  services: ActionServices,
  context: StrategyContext,
): Promise<KubeObject> {
  const namespace = context.namespace ?? ''
  const account = services.get<ServiceAccount>(accounts, namespace, name)
  if (!account) throw notFound(accounts, name)
  const spec = (input.spec ??= {})
  const errors = []
  const seconds = (spec.expirationSeconds ??= 3600)
  const path = 'spec.expirationSeconds'
  if (seconds < shortest) errors.push(invalid(path, seconds, 'may not specify a duration less than 10 minutes'))
  if (seconds > 2 ** 32) errors.push(invalid(path, seconds, 'may not specify a duration larger than 2^32 seconds'))
  const bound = spec.boundObjectRef
  if (errors.length) throw invalidObject({ group: 'authentication.k8s.io', kind: 'TokenRequest' }, '', errors)
  const boundUid = bound ? boundUidOf(bound, name, services, namespace) : undefined
  const metadata = input.metadata
  if (metadata?.name && metadata.name !== name) {
    throw badRequest(`the name of the object (${metadata.name}) does not match the name on the URL (${name})`)
  }
  const { token, expirationTimestamp, audiences } = await services.signToken({
    namespace,
    serviceAccount: name,
    serviceAccountUid: account.metadata?.uid ?? '',
    audiences: spec.audiences ?? [],
    expirationSeconds: seconds,
    ...(bound
      ? { boundObject: { kind: bound.kind!, apiVersion: bound.apiVersion!, name: bound.name!, uid: boundUid! } }
      : {}),
  })
  return {
    ...input,
    metadata: { ...metadata, name, namespace, creationTimestamp: timestamp(context.clock.now()) },
    spec: { ...spec, audiences, boundObjectRef: bound ?? null },
    status: { token, expirationTimestamp },
  } as unknown as KubeObject
}

type Bound = NonNullable<NonNullable<TokenRequest['spec']>['boundObjectRef']>

/** Source: registry/core/serviceaccount/storage/token.go. */
function boundUidOf(bound: Bound, account: string, services: ActionServices, namespace: string): string {
  const { apiVersion = '', kind = '', name = '' } = bound
  const plural = apiVersion === 'v1' ? boundKinds[kind] : undefined
  const shown = JSON.stringify(account)
  if (!plural) {
    const [version = '', group = ''] = apiVersion.split('/').reverse()
    throw badRequest(
      `cannot bind token for serviceaccount ${shown} to object of type ${group}/${version}, Kind=${kind}`,
    )
  }
  const target = services.get<KubeObject & { spec?: { serviceAccountName?: string } }>(
    { group: '', plural },
    kind === 'Node' ? undefined : namespace,
    name,
  )
  if (!target) throw notFound({ group: '', plural }, name)
  if (kind === 'Pod' && target.spec?.serviceAccountName !== account)
    throw badRequest(`cannot bind token for serviceaccount ${shown} to pod running with different serviceaccount name.`)
  const uid = target.metadata?.uid ?? ''
  if (bound.uid && bound.uid !== uid) {
    throw conflict(
      { group: '', plural: kind },
      name,
      `the UID in the bound object reference (${bound.uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  }
  return uid
}

const define = kindsOf('', 'v1')

export const serviceAccount: KindDefinition<ServiceAccount> = define<ServiceAccount>({
  kind: 'ServiceAccount',
  plural: 'serviceaccounts',
  namespaced: true,
  shortNames: ['sa'],
  rules: { more: { answersDeleted: true } },
  columns: [nameColumn, ageColumn],
  subresources: [
    {
      name: 'token',
      kind: 'TokenRequest',
      group: 'authentication.k8s.io',
      version: 'v1',
      verbs: ['create'],
      type: 'io.k8s.api.authentication.v1.TokenRequest',
      action: (input, target, services, context) => requestToken(input, target.name, services, context),
    },
  ],
})
