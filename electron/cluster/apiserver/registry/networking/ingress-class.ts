import type * as v1 from 'kubernetes-types/networking/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { validateDomainPath } from '../batch/job-validation.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { asInvalid, forbidden, notSupported, required, tooLong } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { dnsLabel } from '../validation/names.ts'
import { validateReference } from './backend.ts'

type IngressClass = KubeObject & { spec?: Loose<v1.IngressClassSpec> }

function validate({ spec = {} }: IngressClass): FieldError[] {
  const controller = spec.controller ?? ''
  const errors = controller.length > 250 ? [tooLong('spec.controller', 250)] : []
  errors.push(...validateDomainPath(controller, 'spec.controller'))
  const { parameters } = spec
  if (!parameters) return errors
  const path = 'spec.parameters'
  errors.push(...validateReference(parameters, path))
  const { scope, namespace } = parameters
  if (scope === undefined) return [...errors, required(`${path}.scope`)]
  if (scope === 'Namespace') {
    if (namespace === undefined) errors.push(required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"))
    else errors.push(...asInvalid(`${path}.namespace`, namespace, dnsLabel(namespace, false)))
  } else if (scope !== 'Cluster') errors.push(notSupported(`${path}.scope`, scope, ['Cluster', 'Namespace']))
  else if (namespace !== undefined)
    errors.push(forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"))
  return errors
}

const column = columnsOf<IngressClass>('IngressClass')

export const defaultClassAnnotation = 'ingressclass.kubernetes.io/is-default-class'

function parameters({ spec }: IngressClass): string {
  const reference = spec?.parameters
  if (!reference) return '<none>'
  return `${reference.kind ?? ''}${reference.apiGroup ? `.${reference.apiGroup}` : ''}/${reference.name ?? ''}`
}

const define = kindsOf('networking.k8s.io', 'v1')

export const ingressClass: KindDefinition<IngressClass> = define<IngressClass>({
  kind: 'IngressClass',
  plural: 'ingressclasses',
  namespaced: false,
  rules: {
    defaults({ spec }) {
      if (spec?.parameters) spec.parameters.scope ??= 'Cluster'
    },
    desired,
    validate,
    validateUpdate: (object, old) => [
      ...validate(object),
      ...validateImmutable(object.spec?.controller, old.spec?.controller, 'spec.controller'),
    ],
  },
  columns: [
    {
      ...nameColumn,
      cell: ({ metadata }) => {
        const isDefault = metadata?.annotations?.[defaultClassAnnotation] === 'true'
        return `${metadata?.name ?? ''}${isDefault ? ' (default)' : ''}`
      },
    },
    column('Controller', ({ spec }) => spec?.controller ?? ''),
    column('Parameters', parameters),
    ageColumn,
  ],
})
