import type { KubeObject } from '#shared/kube/object.ts'
import type { Random } from '../../base/random.ts'
import { unexplained } from '../../schema/patch/patch-object.ts'
import type { Crd } from '../registry/apiextensions/types.ts'

type Webhook = NonNullable<NonNullable<NonNullable<Crd['spec']>['conversion']>['webhook']>

export interface ConversionDeps {
  /** Posts a review and answers with the response's JSON; rejects with client-go's words. */
  post(config: NonNullable<Webhook['clientConfig']>, review: unknown, timeoutMs: number): Promise<unknown>
  random: Random
}

/** Converts objects of one version to another. Rejects with StatusError. */
export type Conversion = (objects: readonly KubeObject[], apiVersion: string) => Promise<KubeObject[]>

const timeout = 30_000
const reviewVersions = ['v1', 'v1beta1']

interface Review {
  kind?: string
  apiVersion?: string
  response?: {
    uid?: string
    convertedObjects?: KubeObject[] | null
    result?: { status?: string; message?: string }
  }
}

/** Source: apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go. */
export function webhookConversion(
  { post, random }: ConversionDeps,
  { clientConfig, conversionReviewVersions }: Webhook,
): Conversion {
  const version = conversionReviewVersions?.find((each) => reviewVersions.includes(each)) ?? 'v1'
  const reviewVersion = `apiextensions.k8s.io/${version}`
  return async (objects, apiVersion) => {
    const [first] = objects
    if (!first) return []
    const failed = (how: string) => unexplained(`conversion webhook for ${first.apiVersion}, Kind=${first.kind} ${how}`)
    const uid = random.uuid()
    const review = {
      kind: 'ConversionReview',
      apiVersion: reviewVersion,
      request: { uid, desiredAPIVersion: apiVersion, objects },
    }
    const answer = (await post(clientConfig!, review, timeout).catch((error: unknown) => {
      throw failed(`failed: ${error instanceof Error ? error.message : String(error)}`)
    })) as Review
    const wrong = refusal(answer, uid, reviewVersion)
    if (wrong) throw failed(`failed: ${wrong}`)
    const converted = answer.response!.convertedObjects ?? []
    if (converted.length !== objects.length)
      throw failed(`returned ${converted.length} objects, expected ${objects.length}`)
    return converted.map((object, i) => {
      const reason = misconversion(objects[i]!, object, apiVersion)
      if (reason) throw failed(`returned invalid converted object at index ${i}: ${reason}`)
      return withOwnMetadata(objects[i]!, object)
    })
  }
}

function refusal({ kind, apiVersion, response }: Review, uid: string, version: string): string | undefined {
  if (!response) return 'no response provided'
  if (kind !== 'ConversionReview' || apiVersion !== version)
    return `expected webhook response of ${version}, Kind=ConversionReview, got ${apiVersion ?? ''}, Kind=${kind ?? ''}`
  if (response.uid !== uid)
    return `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`
  const { status = '', message } = response.result ?? {}
  return status === 'Success' ? undefined : message || `response.result.status was '${status}', not 'Success'`
}

function misconversion(from: KubeObject, to: KubeObject, apiVersion: string): string | undefined {
  if (to.kind !== from.kind) return `invalid kind: ${to.kind}`
  if (to.apiVersion !== apiVersion) return `invalid groupVersion: ${to.apiVersion}`
  for (const field of ['name', 'namespace', 'uid'] as const)
    if ((to.metadata?.[field] ?? '') !== (from.metadata?.[field] ?? '')) return `metadata.${field} must not be changed`
  return undefined
}

/** Of the metadata a webhook may change labels and annotations only. */
function withOwnMetadata({ metadata }: KubeObject, object: KubeObject): KubeObject {
  const { labels, annotations } = object.metadata ?? {}
  const { labels: _labels, annotations: _annotations, ...own } = metadata ?? {}
  return {
    ...object,
    metadata: { ...own, ...(labels ? { labels } : {}), ...(annotations ? { annotations } : {}) },
  }
}
