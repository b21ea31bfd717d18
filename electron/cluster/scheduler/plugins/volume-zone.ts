import { storageClassOf, type Volume } from '#shared/kube/storage.ts'
import { nodeBecame } from '../cluster-event.ts'
import type { NodeInfo } from '../node-info.ts'
import { Refusal, rejected, type Plugin } from './api.ts'
import { claimNames, isClaimOf, notFoundText } from './volume-claims.ts'

const rejection = rejected('node(s) had no available volume zone', true)

/** Old labels, and what they are called now. */
const today: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
}
const keys = [...Object.keys(today), ...Object.values(today)]

interface Domain {
  readonly key: string
  readonly values: ReadonlySet<string>
}

/** Where a volume says by its labels that it can be had; a regional one names several zones. */
const domainsOf = ({ metadata }: Volume): Domain[] =>
  keys.flatMap((key) => {
    const value = metadata?.labels?.[key]
    return value ? [{ key, values: new Set(value.split('__').map((zone) => zone.trim())) }] : []
  })

/** Volumes that are in a zone want their pod there. */
export const volumeZone: Plugin = {
  name: 'VolumeZone',
  filter({ pod, namespace }, { surroundings }) {
    const domains: Domain[] = []
    for (const { name, ephemeral } of claimNames(pod)) {
      if (ephemeral) continue
      const claim = surroundings.claim(namespace, name)
      if (!claim) return new Refusal(notFoundText(name))
      if (claim.spec?.volumeName) {
        const volume = surroundings.volume(claim.spec.volumeName)
        if (!volume) return new Refusal(`persistentvolume ${JSON.stringify(claim.spec.volumeName)} not found`)
        domains.push(...domainsOf(volume))
        continue
      }
      const className = storageClassOf(claim)
      if (!className) return new Refusal('PersistentVolumeClaim had no pv name and storageClass name')
      const storageClass = surroundings.storageClass(className)
      if (!storageClass) return new Refusal(`storageclass.storage.k8s.io ${JSON.stringify(className)} not found`)
      if (storageClass.volumeBindingMode !== 'WaitForFirstConsumer') return new Refusal('PersistentVolume had no name')
    }
    if (!domains.length) return undefined
    return {
      fits: ({ labels }: NodeInfo) =>
        !keys.some((key) => labels[key] !== undefined) ||
        domains.every(({ key, values }) => values.has(labels[key] ?? labels[today[key] ?? key] ?? '')),
      why: () => rejection,
    }
  },
  mayHelp(event, info) {
    switch (event.kind) {
      case 'claim changed':
        return isClaimOf(info, event)
      case 'volume changed':
        return true
      case 'storage class changed':
        return event.storageClass.volumeBindingMode === 'WaitForFirstConsumer'
      default:
        return nodeBecame(event, 'labels')
    }
  },
}
