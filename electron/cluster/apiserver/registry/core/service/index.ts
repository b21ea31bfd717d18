import { semanticEqual } from '../../equal.ts'
import { kindsOf } from '../../define.ts'
import type { KindDefinition } from '../../kind.ts'
import { connector, status } from '../../subresources.ts'
import { dnsLabel } from '../../validation/names.ts'
import { serviceColumns } from './columns.ts'
import { defaultService } from './defaults.ts'
import { prepareAddresses } from './families.ts'
import { hasNodePorts, isExternallyAccessible, needsClusterIp, needsHealthCheck, type Service } from './types.ts'
import { serviceWarnings } from './warnings.ts'
import { validateService, validateServiceStatus, validateServiceUpdate } from './validation.ts'

const define = kindsOf('', 'v1')

export const service: KindDefinition<Service> = define<Service>({
  kind: 'Service',
  plural: 'services',
  storagePrefix: 'services/specs',
  namespaced: true,
  shortNames: ['svc'],
  categories: ['all'],
  columns: serviceColumns,
  rules: {
    name: dnsLabel,
    defaults: defaultService,
    status: true,
    prepareForCreate: (service) => void prepareAddresses(service, undefined),
    prepareForUpdate(service, old, context) {
      if (context.subresource !== '') return
      prepareAddresses(service, old)
      dropWhatTypeLost(service, old)
    },
    // Wrong addresses are all that is spoken of, as long as there are any: nothing else could be made of them.
    validate: (service) =>
      orElse(prepareAddresses(structuredClone(service), undefined), () => validateService(service)),
    validateUpdate: (service, old) =>
      orElse(prepareAddresses(structuredClone(service), old), () => validateServiceUpdate(service, old)),
    validateStatus: validateServiceStatus,
    more: { answersDeleted: true, warnings: serviceWarnings },
  },
  selectableFields: {
    'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '',
    'spec.type': ({ spec }) => spec?.type ?? '',
  },
  subresources: [
    connector('proxy', 'ServiceProxyOptions', ['create', 'delete', 'get', 'patch', 'update']),
    status('Service'),
  ],
})

const orElse = <T>(list: T[], other: () => T[]): T[] => (list.length ? list : other())

/** A change of type takes with it what only the old type had, unless the same write changed that too. */
function dropWhatTypeLost(service: Service, old: Service): void {
  const spec = (service.spec ??= {})
  const before = old.spec ?? {}
  const drop = (...fields: (keyof typeof spec)[]) => {
    for (const field of fields) if (semanticEqual(spec[field], before[field])) delete spec[field]
  }
  if (needsClusterIp(old) && !needsClusterIp(service)) drop('clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy')
  if (hasNodePorts(old) && !hasNodePorts(service)) {
    const same = semanticEqual(
      (spec.ports ?? []).map(({ nodePort }) => nodePort),
      (before.ports ?? []).map(({ nodePort }) => nodePort),
    )
    if (same) for (const port of spec.ports ?? []) delete port.nodePort
  }
  if (needsHealthCheck(old) && !needsHealthCheck(service)) drop('healthCheckNodePort')
  if (before.type === 'LoadBalancer' && spec.type !== 'LoadBalancer')
    drop('allocateLoadBalancerNodePorts', 'loadBalancerClass')
  if (isExternallyAccessible(old) && !isExternallyAccessible(service)) drop('externalTrafficPolicy')
}
