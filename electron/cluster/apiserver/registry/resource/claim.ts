import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { status } from '../subresources.ts'
import { invalid } from '../validation/field.ts'
import { validateImmutable } from '../validation/immutable.ts'
import { isExtended } from '../validation/resources.ts'
import { validateTemplateMetadata } from '../validation/template-metadata.ts'
import { dropDeallocated, validateClaimStatus } from './claim-status.ts'
import { defaultClaim, validateClaimSpec, validateConfiguration, validateSelectors } from './devices.ts'
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate } from '#shared/kube/devices.ts'

const define = kindsOf('resource.k8s.io', 'v1')

export const deviceClass: KindDefinition<DeviceClass> = define<DeviceClass>({
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  namespaced: false,
  rules: {
    desired,
    validate: ({ spec }) => [
      ...validateSelectors(spec?.selectors, 'spec.selectors'),
      ...validateConfiguration(spec?.config, 'spec.config'),
      ...(spec?.extendedResourceName === undefined || isExtended(spec.extendedResourceName)
        ? []
        : [invalid('spec.extendedResourceName', spec.extendedResourceName, 'must be a valid extended resource name')]),
    ],
    more: { answersDeleted: true },
  },
  columns: [nameColumn, ageColumn],
})

function state({ metadata, status: now }: ResourceClaim): string {
  const words = metadata?.deletionTimestamp ? ['deleted'] : []
  if (!now?.allocation) words.push('pending')
  else words.push('allocated', ...(now.reservedFor?.length ? ['reserved'] : []))
  return words.join(',')
}

const column = columnsOf<ResourceClaim>('ResourceClaim')

export const resourceClaim: KindDefinition<ResourceClaim> = define<ResourceClaim>({
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  namespaced: true,
  rules: {
    defaults: ({ spec }) => defaultClaim(spec),
    status: true,
    statusKeeps: 'metadata',
    prepareForUpdate(claim, old, { subresource }) {
      if (subresource === 'status') dropDeallocated(claim, old)
    },
    validate: ({ spec }) => validateClaimSpec(spec ?? {}, 'spec'),
    validateUpdate: (claim, old) => validateImmutable(claim.spec, old.spec, 'spec'),
    validateStatus: validateClaimStatus,
    more: { answersDeleted: true },
  },
  columns: [nameColumn, column('State', state), ageColumn],
  subresources: [status('ResourceClaim')],
})

export const resourceClaimTemplate: KindDefinition<ResourceClaimTemplate> = define<ResourceClaimTemplate>({
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  namespaced: true,
  rules: {
    defaults({ spec }) {
      if (!spec) return
      spec.metadata ??= {}
      defaultClaim(spec.spec)
    },
    validate: ({ spec }) => [
      ...validateTemplateMetadata(spec?.metadata, 'spec.metadata'),
      ...validateClaimSpec(spec?.spec ?? {}, 'spec.spec'),
    ],
    validateUpdate: (template, old) => validateImmutable(template.spec, old.spec, 'spec'),
    more: { answersDeleted: true },
  },
  columns: [nameColumn, ageColumn],
})
