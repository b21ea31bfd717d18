import type { PodView } from '../framework/support/pods.ts'

/** Under these keys of a pod's spec an object names a secret. */
const references = ['secretRef', 'secretKeyRef', 'nodePublishSecretRef', 'secret', 'imagePullSecrets']

/** Whether a pod refers to a secret, in whatever way. */
export const namesSecret = ({ spec }: PodView, name: string): boolean => spec !== undefined && mentions(spec, name)

function mentions(value: unknown, name: string): boolean {
  if (Array.isArray(value)) return value.some((item) => mentions(item, name))
  if (typeof value !== 'object' || value === null) return false
  return Object.entries(value).some(
    ([key, inner]) =>
      (key === 'secretName' && inner === name) ||
      (references.includes(key) && [inner].flat().some((each) => (each as { name?: string } | null)?.name === name)) ||
      mentions(inner, name),
  )
}
