import type { KubeObject } from '#shared/kube/object.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { seededRandom } from '../../base/random.ts'
import { openMemoryStore } from '../../store/memory.ts'
import type { Store } from '../../store/api.ts'
import { createObject } from '../handlers/create.ts'
import type { Core, Operation, Outcome } from '../handlers/operation.ts'
import { actionServices } from '../handlers/services.ts'
import { KindIndex } from '../kinds/kind-index.ts'
import type { ServedKind } from '../kinds/served-kind.ts'
import type { AdmissionPlugin, KindDefinition } from '../registry/kind.ts'
import { smallKinds } from './kinds.ts'

export interface SmallCore {
  core: Core
  clock: FakeClock
  store: Store
  kind(plural: string, group?: string): ServedKind
  /** An operation of the admin on an object in namespace `a`, or on its collection. */
  op(plural: string, name?: string, more?: Partial<Operation>): Operation
  create(object: KubeObject): Promise<KubeObject>
  warnings: string[]
}

/** Handlers over a memory store, without a network. */
export function smallCore({
  kinds = smallKinds,
  admission = [] as AdmissionPlugin[],
}: { kinds?: readonly KindDefinition[]; admission?: AdmissionPlugin[] } = {}): SmallCore {
  const clock = new FakeClock()
  const store = openMemoryStore()
  const index = new KindIndex({ store, kinds, freeze: true })
  const core: Core = {
    kinds: index,
    clock,
    random: seededRandom(1),
    admission,
    services: actionServices(
      () => core,
      () => ({ token: 'token', expirationTimestamp: '', audiences: [] }),
    ),
    reservations: new Map(),
  }
  const warnings: string[] = []
  const kind = (plural: string, group?: string): ServedKind => {
    for (const served of index.all)
      if (served.definition.plural === plural && (group ?? served.definition.group) === served.definition.group)
        return served
    throw new Error(`no ${plural}`)
  }
  const op: SmallCore['op'] = (plural, name = '', more = {}) => ({
    kind: kind(plural),
    subresource: undefined,
    namespace: kind(plural).namespaced ? 'a' : undefined,
    name,
    user: { name: 'admin', groups: ['system:masters'] },
    dryRun: false,
    manager: 'test',
    warn: (text) => void warnings.push(text),
    ...more,
  })
  return {
    core,
    clock,
    store,
    kind,
    op,
    warnings,
    async create(object) {
      const served = [...index.all].find((candidate) => candidate.kind === object.kind)!
      return stored(served, await createObject(core, op(served.definition.plural), structuredClone(object)))
    },
  }
}

/** The whole object that an operation came to. */
export function stored(kind: ServedKind, outcome: Outcome): KubeObject {
  if ('entry' in outcome) return kind.object(outcome.entry)
  if ('object' in outcome) return outcome.object
  throw new Error(`a status: ${JSON.stringify(outcome.status)}`)
}

export const configMap = (name: string, more: object = {}): KubeObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more }) as KubeObject

export const pod = (name: string, nodeName = '', metadata: object = {}): KubeObject =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { containers: [], ...(nodeName ? { nodeName } : {}) },
  }) as KubeObject
