import { readFileSync } from 'node:fs'
import { containersOf, initContainersOf, type Pod } from '../types.ts'

type Profile = { type: string } | undefined

/** Whether the kernel of this machine has AppArmor. */
export function isAppArmorEnabled(): boolean {
  try {
    return readFileSync('/sys/module/apparmor/parameters/enabled', 'utf8').startsWith('Y')
  } catch {
    return false
  }
}

/**
 * Why a pod's AppArmor profiles cannot be had. What the runtime does by default is no condition where there is AppArmor;
 * profiles that somebody has written are loaded by no runtime here. Source: pkg/security/apparmor/validate.go.
 */
export function appArmorRefusal(pod: Pod, isEnabled: () => boolean): string | undefined {
  const contexts = [pod.spec, ...initContainersOf(pod), ...containersOf(pod)].map((each) => each?.securityContext)
  const wanted = contexts
    .map((context) => (context as { appArmorProfile?: Profile } | undefined)?.appArmorProfile?.type)
    .filter((type) => type !== undefined && type !== 'Unconfined')
  if (!wanted.length) return undefined
  if (!isEnabled()) return 'Cannot enforce AppArmor: AppArmor is not enabled on the host'
  return wanted.includes('Localhost') ? 'Cannot enforce AppArmor: this node loads no profiles' : undefined
}
