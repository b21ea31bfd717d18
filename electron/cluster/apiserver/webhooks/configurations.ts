import type { KubeObject, LabelSelector } from '#shared/kube/object.ts'
import { compileConditions, type CompiledCondition } from '../admission/dynamic/conditions.ts'
import type { AdmissionHost } from '../admission/dynamic/host.ts'
import { admissionEnvironment } from '../../cel/admission/environment.ts'
import { followKind } from '../kinds/follow-kind.ts'
import type { MatchCondition, NamedRule } from '../registry/admissionregistration/rules.ts'
import type { WebhookClientConfig } from './caller.ts'

/** A webhook as it is stored: validated and defaulted. */
export interface Webhook {
  readonly name: string
  readonly clientConfig: WebhookClientConfig
  readonly rules?: readonly NamedRule[]
  readonly failurePolicy?: 'Fail' | 'Ignore'
  readonly matchPolicy?: 'Exact' | 'Equivalent'
  readonly namespaceSelector?: LabelSelector
  readonly objectSelector?: LabelSelector
  readonly sideEffects?: string
  readonly timeoutSeconds?: number
  readonly admissionReviewVersions?: readonly string[]
  readonly matchConditions?: readonly MatchCondition[]
  readonly reinvocationPolicy?: 'Never' | 'IfNeeded'
}

type Configuration = KubeObject & { readonly webhooks?: readonly Webhook[] }

export interface ConfiguredWebhook {
  readonly webhook: Webhook
  readonly configuration: string
  /** The same for the same webhook, whatever else changes. */
  readonly key: string
  readonly conditions: readonly CompiledCondition[]
}

/** The webhooks of one sort, in order of their configurations' names. Follows the store. */
export class WebhookConfigurations implements Disposable {
  readonly #byConfiguration = new Map<string, readonly ConfiguredWebhook[]>()
  readonly #watch: Disposable | undefined
  #webhooks: readonly ConfiguredWebhook[] | undefined

  constructor({ kinds }: AdmissionHost, plural: string) {
    const kind = kinds.resource('admissionregistration.k8s.io', plural)
    this.#watch =
      kind &&
      followKind<Configuration>(kind, (name, configuration) => {
        if (configuration) this.#byConfiguration.set(name, webhooksOf(name, configuration))
        else this.#byConfiguration.delete(name)
        this.#webhooks = undefined
      })
  }

  get webhooks(): readonly ConfiguredWebhook[] {
    return (this.#webhooks ??= [...this.#byConfiguration]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([, webhooks]) => webhooks))
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]()
  }
}

function webhooksOf(configuration: string, { webhooks = [] }: Configuration): ConfiguredWebhook[] {
  return webhooks.map((webhook, i) => {
    let conditions: readonly CompiledCondition[] | undefined
    return {
      webhook,
      configuration,
      key: `${configuration}/${webhook.name}/${webhooks.slice(0, i).filter(({ name }) => name === webhook.name).length}`,
      get conditions() {
        return (conditions ??= compileConditions(
          admissionEnvironment({ params: false, authorizer: true }),
          webhook.matchConditions,
        ))
      },
    }
  })
}
