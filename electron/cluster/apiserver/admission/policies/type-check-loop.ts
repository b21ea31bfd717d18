import type { KubeObject } from '#shared/kube/object.ts'
import type { ResourceType } from '#shared/kube/resources.ts'
import { isNotFound } from '#shared/kube/status.ts'
import type { Logger } from '../../../base/logger.ts'
import type { KubeClient } from '../../../client/api.ts'
import { findType } from '../../../schema/table.ts'
import { declare, type CelSchema } from '../../../cel/schema/declare.ts'
import { typeOfTable } from '../../../cel/schema/table-types.ts'
import { followKind } from '../../kinds/follow-kind.ts'
import type { KindIndex } from '../../kinds/kind-index.ts'
import { typeCheck, type TypeResolver } from './type-check.ts'
import type { Policy, ValidatingSpec } from './types.ts'

export interface TypeCheckDeps {
  readonly kinds: KindIndex
  readonly client: KubeClient
  readonly logger: Logger
}

type Checked = Policy<ValidatingSpec> & { readonly status?: { readonly observedGeneration?: number } }

const policies: ResourceType = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  plural: 'validatingadmissionpolicies',
  kind: 'ValidatingAdmissionPolicy',
  namespaced: false,
}

/** Upstream's validatingadmissionpolicy-status-controller: once per generation, it says where expressions do not fit. */
export function followTypeChecks({ kinds, client, logger }: TypeCheckDeps): Disposable {
  const kind = kinds.resource(policies.group, policies.plural)
  if (!kind) return { [Symbol.dispose]: () => {} }
  const resolver: TypeResolver = {
    kindsOf(group, version, resource) {
      const found = kinds.find(group, version, resource)
      return found && { group, version, kind: found.kind }
    },
    typeOf({ group, version, kind: name }) {
      const definition = kinds.ofKind(group, version, name)?.definition
      if (definition?.schema) return declare(definition.schema as CelSchema, { resource: true, name })?.type
      const type = definition && findType(definition.type)
      return type && typeOfTable(type)
    },
  }
  const check = async (name: string, policy: Checked): Promise<void> => {
    const { generation = 0 } = policy.metadata ?? {}
    if (generation <= (policy.status?.observedGeneration ?? 0)) return
    const warnings = typeCheck(policy, resolver)
    const status = {
      observedGeneration: generation,
      typeChecking: warnings.length ? { expressionWarnings: warnings } : {},
    }
    const applied: KubeObject & { status: object } = {
      apiVersion: `${policies.group}/${policies.version}`,
      kind: policies.kind,
      metadata: { name },
      status,
    }
    await client.patch(policies, { name }, 'apply', applied, {
      subresource: 'status',
      fieldManager: 'validatingadmissionpolicy-status',
      force: true,
    })
  }
  return followKind<Checked>(kind, (name, policy) => {
    if (!policy) return
    check(name, policy).catch((error: unknown) => {
      if (isNotFound(error)) return
      logger.warn('a policy could not be type-checked', { policy: name, error: (error as Error).message })
    })
  })
}
