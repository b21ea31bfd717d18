import type { KubeObject } from '#shared/kube/object.ts'
import { fractionWarnings } from '../../validation/quantities.ts'

interface ClaimSpec {
  readonly resources?:
    | {
        readonly requests?: Readonly<Record<string, string | undefined>> | undefined
        readonly limits?: Readonly<Record<string, string | undefined>> | undefined
      }
    | undefined
}

/** Source: GetWarningsForPersistentVolumeClaimSpec. */
export const claimSpecWarnings = (spec: ClaimSpec | undefined, path: string): string[] =>
  (['requests', 'limits'] as const).flatMap((part) =>
    fractionWarnings(spec?.resources?.[part]?.['storage'], `${path}.resources.${part}[storage]`),
  )

const classAnnotation = 'volume.beta.kubernetes.io/storage-class'

/** Of volumes and claims whose class is named by an annotation. */
export const classWarnings = ({ metadata }: KubeObject): string[] =>
  metadata?.annotations?.[classAnnotation] === undefined
    ? []
    : [`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`]
