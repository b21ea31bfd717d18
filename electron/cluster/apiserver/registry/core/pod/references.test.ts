import { expect, it } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { referencesOf } from './references.ts'

it('names claims of devices as the spec and the status of a pod do', () => {
  const pod = {
    metadata: { name: 'web', namespace: 'a' },
    spec: {
      resourceClaims: [
        { name: 'a', resourceClaimName: 'named' },
        { name: 'b', resourceClaimTemplateName: 'template' },
        { name: 'c', resourceClaimTemplateName: 'template' },
      ],
    },
    status: {
      resourceClaimStatuses: [{ name: 'b', resourceClaimName: 'made' }, { name: 'c' }],
      extendedResourceClaimStatus: { resourceClaimName: 'extended' },
    },
  } as KubeObject
  expect([...referencesOf(pod).resourceClaims]).toEqual(['named', 'made', 'extended'])
})
