import { claimSpecWarnings } from '../persistent-volume-claim/warnings.ts'
import { deprecatedSource } from '../volume/deprecated.ts'
import type { PodSpec, Volume } from './types.ts'

/** Of a pod's volumes. Source: pkg/api/pod/warnings.go. */
export function volumeWarnings(volumes: NonNullable<PodSpec['volumes']>, path: string): string[] {
  const sourcesOf = (volume: Volume) => volume.projected?.sources ?? []
  const tokens = new Set(
    volumes.flatMap(sourcesOf).flatMap(({ serviceAccountToken: token }) => (token ? [token.path ?? ''] : [])),
  )
  const hidden = (item: string | undefined, at: string): string[] =>
    tokens.has(item ?? '') ? [`${at}: has duplicated path with ServiceAccountToken ${JSON.stringify(item ?? '')}`] : []
  return [
    ...volumes.flatMap((volume, i) => [
      ...Object.keys(volume).flatMap((source) => deprecatedSource(source, `${path}[${i}]`)),
      ...claimSpecWarnings(
        volume.ephemeral?.volumeClaimTemplate?.spec,
        `${path}[${i}].ephemeral.volumeClaimTemplate.spec`,
      ),
    ]),
    ...volumes.flatMap((volume, i) =>
      sourcesOf(volume).flatMap((source) => {
        const at = `${path}[${i}].projected.sources`
        return [
          ...(source.configMap?.items ?? []).flatMap((item, j) => hidden(item.path, `${at}.configMap[${j}]`)),
          ...(source.secret?.items ?? []).flatMap((item, j) => hidden(item.path, `${at}.secrets[${j}]`)),
          ...(source.downwardAPI?.items ?? []).flatMap((item, j) => hidden(item.path, `${at}.downwardAPI[${j}]`)),
        ]
      }),
    ),
  ]
}
