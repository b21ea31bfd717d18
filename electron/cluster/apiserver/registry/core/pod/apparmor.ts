import { semanticEqual } from '../../equal.ts'
import { appArmor } from './annotations.ts'
import { validateAppArmor } from './security.ts'
import { allContainers, type Pod, type PodSecurityContext } from './types.ts'

type Profile = NonNullable<PodSecurityContext['appArmorProfile']>

/** Profiles of old stand in annotations: where a container has no other, it gets this one. Source: applyAppArmorVersionSkew. */
export function applyAppArmorAnnotations({ metadata, spec }: Pod): void {
  if (spec?.os?.name === 'windows') return
  for (const { container } of allContainers(spec)) {
    const annotation = metadata?.annotations?.[`${appArmor}${container.name ?? ''}`]
    const context = container.securityContext as PodSecurityContext | undefined
    if (annotation === undefined || context?.appArmorProfile) continue
    const profile = profileOf(annotation)
    if (!profile || validateAppArmor(profile, '').length) continue
    if (semanticEqual(profile, spec?.securityContext?.appArmorProfile)) continue
    const own = (container.securityContext ??= {}) as PodSecurityContext
    own.appArmorProfile = profile
  }
}

function profileOf(annotation: string): Profile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' }
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' }
  const file = /^localhost\/(.+)$/s.exec(annotation)?.[1]
  return file ? { type: 'Localhost', localhostProfile: file } : undefined
}
