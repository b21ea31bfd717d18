import { persistentVolumes } from '#shared/kube/resources.ts'
import { volumeProtection, type Volume } from '#shared/kube/storage.ts'
import { nothing, update, type Decision } from '../framework/action.ts'

export function reconcile(volume: Volume): Decision {
  const { finalizers = [], deletionTimestamp } = volume.metadata ?? {}
  const isProtected = finalizers.includes(volumeProtection)
  const withFinalizers = (next: readonly string[]): Decision => ({
    steps: [update(persistentVolumes, { ...volume, metadata: { ...volume.metadata, finalizers: next } })],
  })
  if (!deletionTimestamp) return isProtected ? nothing : withFinalizers([...finalizers, volumeProtection])
  if (!isProtected || volume.status?.phase === 'Bound') return nothing
  return withFinalizers(finalizers.filter((each) => each !== volumeProtection))
}
