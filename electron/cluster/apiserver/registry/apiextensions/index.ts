import { kindsOf, spec as desired } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { status } from '../subresources.ts'
import { markForCleanup } from './conditions.ts'
import type { Crd } from './types.ts'
import { validate, validateStatus, validateUpdate } from './validation.ts'

const httpsPort = 443

function setDefaults(crd: Crd): void {
  const spec = (crd.spec ??= {})
  const names = (spec.names ??= {})
  names.singular ||= (names.kind ?? '').toLowerCase()
  if (names.kind) names.listKind ||= `${names.kind}List`
  const conversion = (spec.conversion ??= { strategy: 'None' })
  if (conversion.webhook?.clientConfig?.service) conversion.webhook.clientConfig.service.port ??= httpsPort
}

/** Objects may lie in the store in any version that was once marked for it. */
function recordStoredVersion(crd: Crd): void {
  const name = crd.spec?.versions?.find(({ storage }) => storage)?.name
  const stored = crd.status?.storedVersions ?? []
  // The status is the old object's own: it is not changed but replaced.
  if (name !== undefined && !stored.includes(name)) crd.status = { ...crd.status, storedVersions: [...stored, name] }
}

const define = kindsOf('apiextensions.k8s.io', 'v1')

const customResourceDefinition: KindDefinition<Crd> = define<Crd>({
  kind: 'CustomResourceDefinition',
  type: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  storagePrefix: 'apiextensions.k8s.io/customresourcedefinitions',
  namespaced: false,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  rules: {
    anyFinalizers: true,
    defaults: setDefaults,
    status: true,
    desired,
    prepareForCreate(crd) {
      crd.status = { acceptedNames: { kind: '', plural: '' }, conditions: null }
      recordStoredVersion(crd)
    },
    prepareForUpdate(crd, _old, { subresource }) {
      if (subresource === '') recordStoredVersion(crd)
    },
    validate: (crd) => validate(crd),
    validateUpdate,
    validateStatus,
    more: { markForCleanup, requireResourceVersionOnUpdate: true },
  },
  subresources: [status('CustomResourceDefinition')],
})

export const kinds: readonly KindDefinition[] = [customResourceDefinition]
