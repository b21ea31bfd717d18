import { timestamp, type Clock } from '../base/clock.ts'
import { Disposer } from '../base/dispose.ts'
import type { Logger } from '../base/logger.ts'
import type { Random } from '../base/random.ts'
import type { Discovery, KubeClient } from '../client/api.ts'
import { noDescriptions, readDescriptions } from '../schema/descriptions.ts'
import { createOpenApi } from '../schema/openapi/open-api.ts'
import type { Store } from '../store/api.ts'
import { dumpLines, dumpOf } from '../store/dump.ts'
import { createAccess } from './access.ts'
import type { AdmissionHost } from './admission/dynamic/host.ts'
import { followTypeChecks } from './admission/policies/type-check-loop.ts'
import { Aggregator } from './aggregation/aggregator.ts'
import { withRemotes } from './aggregation/open-api.ts'
import { Audit } from './audit/audit.ts'
import { AuditedClient } from './audit/audited-client.ts'
import type { AuditPolicy } from './audit/policy.ts'
import { authenticator } from './authn/authenticate.ts'
import type { AuthenticationConfig } from './authn/oidc/config.ts'
import { fetchJson } from './authn/oidc/fetch-json.ts'
import { issuerTokens } from './authn/oidc/issuer-tokens.ts'
import type { ServiceAccountTokens } from './authn/service-account-tokens.ts'
import { serviceAccountGroups, serviceAccountName } from './authn/user.ts'
import type { Authorizer } from './authz/authorizer.ts'
import { bootstrap } from './bootstrap/bootstrap.ts'
import { keepAuthoritiesPublished } from './bootstrap/published-authorities.ts'
import { IdentityLease } from './bootstrap/identity-lease.ts'
import { publishEndpoints } from './bootstrap/kubernetes-endpoints.ts'
import { ServerRecords, type ServerAddress } from './bootstrap/server-records.ts'
import { kubeletConnectors } from './connect/connectors.ts'
import type { Locate } from './connect/deps.ts'
import { CustomResources, type CustomResourcesDeps } from './crd/custom-resources.ts'
import { ruleCheck } from './crd/rules/check.ts'
import { DiscoveryDocuments } from './discovery/documents.ts'
import { healthChecks } from './discovery/health-checks.ts'
import { StartHooks } from './discovery/start-hooks.ts'
import { servePath, type PathDeps } from './discovery/serve-path.ts'
import { servedResources } from './discovery/served-resources.ts'
import { gitVersion } from './discovery/version.ts'
import { FlowControl } from './flow-control/flow-control.ts'
import { followFlowControl } from './flow-control/follow.ts'
import { gaugesOf } from './filters/gauges.ts'
import { RequestMetrics } from './filters/metrics.ts'
import { pipeline } from './filters/pipeline.ts'
import type { Core, Operation } from './handlers/operation.ts'
import { serveResource } from './handlers/serve-resource.ts'
import { actionServices } from './handlers/services.ts'
import { YamlThread } from './handlers/yaml-thread.ts'
import { KindIndex } from './kinds/kind-index.ts'
import { typeOf } from './kinds/type-of.ts'
import { LocalClient } from './local-client.ts'
import { frontProxyUser, type Pki } from './pki/pki.ts'
import type { AdmissionPlugin, KindDefinition, Reservation, UserInfo } from './registry/kind.ts'
import { compactRegularly } from './storage/compaction.ts'
import { Expiry } from './storage/expiry.ts'
import { listen, type Listener } from './transport/listener.ts'
import { WebhookCaller } from './webhooks/caller.ts'

export interface ApiServerDeps {
  store: Store
  clock: Clock
  random: Random
  logger: Logger
  pki: Pki
  kinds: readonly KindDefinition[]
  /** Makes the plug-ins, which the server runs in this order and disposes of. */
  admission(host: AdmissionHost): readonly AdmissionPlugin[]
  reservations?: readonly Reservation[]
  /** Such as 10.96.0.0/16, and the first address in it. */
  serviceCidr: string
  serviceAddress: string
  locate?: Locate | undefined
  /** The texts of `kubectl explain`; absent: none. */
  descriptionsFile?: string
  /** The program of the thread that reads large bodies in YAML; absent: there is no such thread. */
  yamlWorker?: string | undefined
  /** What is written down of requests, and where to; absent: nothing. */
  audit?: { policy: AuditPolicy; write(line: string): void }
  /** Whose tokens are believed besides the cluster's own, and what nobody may ask for, at this moment. */
  authentication?: (() => AuthenticationConfig) | undefined
  /** Freezes shared objects: for tests. */
  freeze?: boolean
  wrote?: Core['wrote']
}

export interface ApiServer extends AsyncDisposable {
  /** Takes requests from now on. `advertised`: where pods find the server behind the kubernetes service. */
  listen(at: {
    host: string
    port: number
    advertised?: { address: string; port?: number }
  }): Promise<{ port: number; url: string }>
  /** The same server without a network, for one user. */
  client(user: UserInfo): KubeClient
  readonly discovery: Discovery
  /** Signs and checks service-account tokens. */
  readonly tokens: ServiceAccountTokens
  readonly authorizer: Authorizer
  /** From now on the status of validating policies says where their expressions do not fit the kinds that they name. */
  typeCheckPolicies(): Disposable
}

const typeChecker: UserInfo = {
  name: serviceAccountName('kube-system', 'validatingadmissionpolicy-status-controller'),
  groups: serviceAccountGroups('kube-system'),
}

/** Builds the server over its store and makes the bootstrap objects that are missing. */
export async function createApiServer(deps: ApiServerDeps): Promise<ApiServer> {
  const { store, clock, random, logger, pki } = deps
  const owned = new Disposer()
  const stopped = new AbortController()
  const hooks = new StartHooks()
  const { authentication } = deps
  const external =
    authentication &&
    ((audience: string) =>
      issuerTokens(authentication, { clock, audience, fetch: fetchJson, logger: logger.child('authentication') }))
  const access = createAccess({ clock, random, tokenKey: pki.tokenKey, external, services: () => services })
  const { tokens, authorizer } = access
  const kinds = new KindIndex({
    store,
    kinds: [...deps.kinds, ...access.kinds],
    freeze: deps.freeze ?? false,
  })
  owned.defer(() => kinds[Symbol.dispose]())
  const services = actionServices(
    () => core,
    (request) => tokens.issue(request),
  )
  const host: AdmissionHost = {
    kinds,
    services,
    locate: deps.locate,
    clock,
    random,
    logger,
    authorizer: () => authorizer,
  }
  const admission = deps.admission(host)
  for (const plugin of admission) owned.defer(() => plugin[Symbol.dispose]?.())
  hooks.finished('start-apiserver-admission-initializer')
  const yaml = deps.yamlWorker === undefined ? undefined : new YamlThread(deps.yamlWorker)
  if (yaml) owned.defer(() => yaml[Symbol.dispose]())
  const core: Core = {
    kinds,
    clock,
    random,
    admission: [...admission, ...access.guards],
    services,
    wrote: deps.wrote,
    reservations: new Map(
      (deps.reservations ?? []).map((reservation) => [`${reservation.group}/${reservation.plural}`, reservation]),
    ),
    ...(yaml && { convertYaml: (body: Buffer) => yaml.convert(body) }),
  }
  const facts = {
    serviceCidr: deps.serviceCidr,
    serviceAddress: deps.serviceAddress,
    authority: pki.authority,
    frontProxy: pki.frontProxy.authority,
    today: timestamp(clock.now()).slice(0, 'YYYY-MM-DD'.length),
  }
  await bootstrap({ core, store, logger, facts })
  hooks.finished(
    'storage-readiness',
    'start-system-namespaces-controller',
    'start-legacy-token-tracking-controller',
    'rbac/bootstrap-roles',
    'scheduling/bootstrap-system-priority-classes',
    'priority-and-fairness-config-producer',
    'start-kubernetes-service-cidr-controller',
  )
  const publishing = keepAuthoritiesPublished({ core, logger, facts })
  owned.defer(() => publishing[Symbol.dispose]())
  hooks.finished('start-cluster-authentication-info-controller')
  restoreReservations(core)
  hooks.finished('start-service-ip-repair-controllers')
  owned.own(access.follow(kinds))
  hooks.finished('generic-apiserver-start-informers')
  const compaction = compactRegularly(store, clock, logger)
  owned.defer(() => compaction[Symbol.dispose]())
  for (const kind of kinds.all) {
    const { timeToLive, convert } = kind.definition
    if (timeToLive === undefined || convert) continue
    const expiry = new Expiry(kind, timeToLive, clock, logger)
    owned.defer(() => expiry[Symbol.dispose]())
  }

  const definitions = kinds.resource('apiextensions.k8s.io', 'customresourcedefinitions')
  if (definitions) {
    const webhooks = new WebhookCaller({ clock, services: core.services, locate: deps.locate })
    owned.defer(() => webhooks[Symbol.dispose]())
    const post: CustomResourcesDeps['post'] = (config, review, timeout) => webhooks.post(config, review, timeout)
    const own = { core, logger: logger.child('custom-resources'), compileRules: ruleCheck, post }
    owned.own(new CustomResources(own, definitions))
  }
  hooks.finished('start-apiextensions-informers', 'start-apiextensions-controllers', 'crd-informer-synced')
  const aggregator = new Aggregator({ kinds, pki, clock, logger, services })
  owned.defer(() => aggregator[Symbol.dispose]())
  hooks.finished(
    'aggregator-reload-proxy-client-cert',
    'start-kube-aggregator-informers',
    'apiservice-status-local-available-controller',
    'apiservice-status-remote-available-controller',
    'apiservice-registration-controller',
    'kube-apiserver-autoregistration',
  )
  const flowControl = new FlowControl({ clock })
  const flows = followFlowControl({ kinds, control: flowControl, clock, services })
  owned.defer(() => flows[Symbol.dispose]())
  hooks.finished('priority-and-fairness-config-consumer')
  const metrics = new RequestMetrics()
  const connectors = kubeletConnectors({
    pki,
    locate: deps.locate,
    services: core.services,
    authorizer: () => authorizer,
  })
  const paths: PathDeps = {
    kinds,
    documents: aggregator.documents(new DiscoveryDocuments(kinds)),
    openApi: withRemotes(
      createOpenApi({
        kinds: () => [...kinds.all].map(({ definition }) => definition),
        changes: () => kinds.changes,
        descriptions: deps.descriptionsFile ? readDescriptions(deps.descriptionsFile) : noDescriptions,
        version: gitVersion,
      }),
      () => aggregator.published,
    ),
    tokens,
    checks: healthChecks({ store, stopped: stopped.signal, hooks, pending: () => aggregator.pending }),
    metrics: () => metrics.text([...gaugesOf(kinds, store), ...flowControl.gauges]),
    async dump() {
      await store.fresh()
      return { status: 200, contentType: 'application/json-lines', body: dumpLines(dumpOf(store)) }
    },
  }
  hooks.finished(
    'storage-object-count-tracker-hook',
    'apiservice-discovery-controller',
    'apiservice-openapi-controller',
    'apiservice-openapiv3-controller',
  )
  const audit = deps.audit && new Audit({ clock, random, typeOf: (...kind) => typeOf(kinds, ...kind), ...deps.audit })
  const serve = pipeline({
    clock,
    logger,
    metrics,
    authenticate: authenticator(access.bearers, {
      clients: pki.authority,
      frontProxies: pki.frontProxy.authority,
      frontProxyNames: [frontProxyUser],
      anonymous: (path) => authentication?.().anonymous(path) ?? true,
    }),
    authorizer,
    flowControl,
    audit,
    serveResource: (request) => aggregator.serve(request) ?? serveResource(core, connectors, request),
    servePath: (request) => aggregator.serve(request) ?? servePath(paths, request),
  })
  hooks.finished('priority-and-fairness-filter')
  const readRemote = (user: UserInfo, path: string) => aggregator.read(user, path)
  const clientOf = (user: UserInfo): KubeClient => {
    const client = (annotate?: Operation['annotate']) =>
      new LocalClient({ core, authorizer, user, stopped: stopped.signal, readRemote, annotate })
    return audit ? new AuditedClient({ audit, authorizer, user, client }) : client()
  }
  let listener: Listener | undefined

  return {
    tokens,
    authorizer,
    discovery: servedResources(kinds),
    client: clientOf,
    typeCheckPolicies: () => followTypeChecks({ kinds, client: clientOf(typeChecker), logger }),
    async listen({ host, port, advertised }) {
      listener = await listen(
        {
          certificate: pki.serving.certificate,
          key: pki.serving.key,
          authorities: [pki.authority, pki.frontProxy.authority],
          clock,
          logger: logger.child('transport'),
          onExchange: (exchange) => serve(exchange),
          onUpgrade: (upgrade) => serve(upgrade.exchange, upgrade),
        },
        { host, port },
      )
      const shown = host === '::' || host === '0.0.0.0' ? '127.0.0.1' : host
      const own = { address: advertised?.address ?? shown, port: advertised?.port ?? listener.port }
      const publish = async (servers: readonly ServerAddress[]) => {
        await publishEndpoints(core, servers)
        hooks.finished('peer-endpoint-reconciler-controller', 'bootstrap-controller')
      }
      const lease = owned.own(new IdentityLease({ core, clock, logger, own }))
      const published = store.shared
        ? owned.own(new ServerRecords({ store, clock, logger, own, publish })).start()
        : publish([own])
      await Promise.all([published, lease.start()])
      hooks.finished(
        'start-kube-apiserver-identity-lease-controller',
        'start-kube-apiserver-identity-lease-garbage-collector',
      )
      return { port: listener.port, url: `https://${shown.includes(':') ? `[${shown}]` : shown}:${listener.port}` }
    },
    async [Symbol.asyncDispose]() {
      stopped.abort(new Error('the API server is stopping'))
      // Watches end first: they are what keeps connections open.
      const closing = listener?.[Symbol.asyncDispose]()
      await owned[Symbol.asyncDispose]()
      await closing
    },
  }
}

function restoreReservations({ kinds, reservations }: Core): void {
  for (const reservation of reservations.values()) {
    const kind = kinds.resource(reservation.group, reservation.plural)
    if (kind?.stored)
      reservation.restore(kind.objects.store.range(kind.objects.type.prefix).map((entry) => kind.object(entry)))
  }
}
