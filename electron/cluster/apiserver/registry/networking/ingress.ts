import type * as v1 from 'kubernetes-types/networking/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { status } from '../subresources.ts'
import { asInvalid, invalid } from '../validation/field.ts'
import { parsesAsIp, validateIp } from '../validation/ips.ts'
import { dnsSubdomain, isDnsSubdomain } from '../validation/names.ts'
import { validateBackend, validateRules, validateTls, type IngressSpec } from './backend.ts'

type Ingress = KubeObject & { spec?: IngressSpec; status?: Loose<v1.IngressStatus> }

const classAnnotation = 'kubernetes.io/ingress.class'

/** Source: ValidateIngressSpec. */
function validate({ spec = {} }: Ingress): FieldError[] {
  const errors: FieldError[] = []
  if (!spec.rules?.length && !spec.defaultBackend) {
    errors.push(invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'))
  }
  if (spec.defaultBackend) errors.push(...validateBackend(spec.defaultBackend, 'spec.defaultBackend'))
  errors.push(...validateRules(spec.rules, 'spec.rules'), ...validateTls(spec.tls, 'spec.tls'))
  const className = spec.ingressClassName
  if (className !== undefined)
    errors.push(...asInvalid('spec.ingressClassName', className, dnsSubdomain(className, false)))
  return errors
}

function validateCreate(ingress: Ingress): FieldError[] {
  const written = ingress.metadata?.annotations?.[classAnnotation]
  const className = ingress.spec?.ingressClassName
  const mismatch = written !== undefined && className !== undefined && written !== className
  const text = 'must match `ingressClassName` when both are specified'
  return [...validate(ingress), ...(mismatch ? [invalid(`annotations.${classAnnotation}`, written, text)] : [])]
}

function hosts({ spec }: Ingress): string {
  const list = (spec?.rules ?? []).flatMap(({ host }) => (host ? [host] : []))
  if (!list.length) return '*'
  const shown = list.slice(0, 3).join(',')
  return list.length > 3 ? `${shown} + ${list.length - 3} more...` : shown
}

function className({ metadata, spec }: Ingress): string {
  return spec?.ingressClassName ?? metadata?.annotations?.[classAnnotation] ?? '<none>'
}

const column = columnsOf<Ingress>('Ingress')

const define = kindsOf('networking.k8s.io', 'v1')

export const ingress: KindDefinition<Ingress> = define<Ingress>({
  kind: 'Ingress',
  plural: 'ingresses',
  storagePrefix: 'ingress',
  namespaced: true,
  shortNames: ['ing'],
  rules: {
    more: {
      warnings: ({ metadata }, old) =>
        !old && metadata?.annotations?.[classAnnotation] !== undefined
          ? [`annotation ${JSON.stringify(classAnnotation)} is deprecated, please use 'spec.ingressClassName' instead`]
          : [],
    },
    status: true,
    desired,
    validate: validateCreate,
    validateUpdate: validate,
    validateStatus: ({ status: now }) =>
      (now?.loadBalancer?.ingress ?? []).flatMap(({ ip, hostname }, i) => [
        ...(ip ? validateIp(ip, `status.loadBalancer.ingress[${i}].ip`) : []),
        ...(hostname
          ? [
              ...asInvalid(`status.loadBalancer.ingress[${i}].hostname`, hostname, isDnsSubdomain(hostname)),
              ...(parsesAsIp(hostname)
                ? [
                    invalid(
                      `status.loadBalancer.ingress[${i}].hostname`,
                      hostname,
                      'must be a DNS name, not an IP address',
                    ),
                  ]
                : []),
            ]
          : []),
      ]),
  },
  columns: [
    nameColumn,
    column('Class', className),
    column('Hosts', hosts),
    column('Address', ({ status: now }) =>
      (now?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').join(','),
    ),
    column('Ports', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
    ageColumn,
  ],
  subresources: [status('Ingress')],
})
