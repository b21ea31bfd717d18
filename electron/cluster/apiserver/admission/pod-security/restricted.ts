import type { Container } from '../../registry/core/pod/types.ts'
import { hasOwnUsers, isWindows, named, plural, quoted, setters, sorted, type Check } from './check.ts'
import { seccompRestricted } from './seccomp.ts'

const allowPrivilegeEscalation: Check = {
  since: 8,
  violation(subject, minor) {
    if (minor >= 25 && isWindows(subject)) return undefined
    const bad = subject.containers.filter(({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false)
    if (!bad.length) return undefined
    const detail = `${named(bad)} must set securityContext.allowPrivilegeEscalation=false`
    return { reason: 'allowPrivilegeEscalation != false', detail }
  },
}

const capabilities: Check = {
  since: 22,
  violation(subject, minor) {
    if (minor >= 25 && isWindows(subject)) return undefined
    const added = ({ securityContext }: Container) =>
      (securityContext?.capabilities?.add ?? []).filter((name) => name !== 'NET_BIND_SERVICE')
    const keeping = subject.containers.filter(
      ({ securityContext }) => !securityContext?.capabilities?.drop?.includes('ALL'),
    )
    const adding = subject.containers.filter((container) => added(container).length)
    const details = [
      ...(keeping.length ? [`${named(keeping)} must set securityContext.capabilities.drop=["ALL"]`] : []),
      ...(adding.length
        ? [
            `${named(adding)} must not include ${quoted(sorted(adding.flatMap(added)))} in securityContext.capabilities.add`,
          ]
        : []),
    ]
    return details.length ? { reason: 'unrestricted capabilities', detail: details.join('; ') } : undefined
  },
}

const volumeTypes = [
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
] as const

const restrictedVolumes: Check = {
  violation({ spec }) {
    const bad = (spec.volumes ?? []).filter((volume) => !volumeTypes.some((type) => volume[type]))
    if (!bad.length) return undefined
    const types = sorted(bad.map((volume) => Object.keys(volume).find((key) => key !== 'name') ?? 'unknown'))
    const names = quoted(bad.map(({ name = '' }) => name))
    const what = plural('restricted volume type', 'restricted volume types', types.length)
    const detail = `${plural('volume', 'volumes', bad.length)} ${names} ${plural('uses', 'use', bad.length)} ${what} ${quoted(types)}`
    return { reason: 'restricted volume types', detail }
  },
}

const runAsNonRoot: Check = {
  violation(subject, minor) {
    if (minor >= 34 && hasOwnUsers(subject)) return undefined
    const ofPod = subject.spec.securityContext?.runAsNonRoot
    const refusing = subject.containers.filter(({ securityContext }) => securityContext?.runAsNonRoot === false)
    const who = setters(ofPod === false, refusing)
    const reason = 'runAsNonRoot != true'
    if (who) return { reason, detail: `${who} must not set securityContext.runAsNonRoot=false` }
    const silent = ofPod
      ? []
      : subject.containers.filter(({ securityContext }) => securityContext?.runAsNonRoot === undefined)
    return silent.length
      ? { reason, detail: `pod or ${named(silent)} must set securityContext.runAsNonRoot=true` }
      : undefined
  },
}

const runAsUser: Check = {
  since: 23,
  violation(subject, minor) {
    if (minor >= 34 && hasOwnUsers(subject)) return undefined
    const bad = subject.containers.filter(({ securityContext }) => securityContext?.runAsUser === 0)
    const who = setters(subject.spec.securityContext?.runAsUser === 0, bad)
    return who ? { reason: 'runAsUser=0', detail: `${who} must not set runAsUser=0` } : undefined
  },
}

/** In the order of upstream's check names; the baseline comes before them. */
export const restricted: readonly Check[] = [
  allowPrivilegeEscalation,
  capabilities,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  seccompRestricted,
]
