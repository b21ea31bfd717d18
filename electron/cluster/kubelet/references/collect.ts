import { containersOf, ephemeralContainersOf, initContainersOf, type Pod } from '../types.ts'

export interface References {
  configMaps: ReadonlySet<string>
  secrets: ReadonlySet<string>
}

/** The names of all ConfigMaps and Secrets, of the pod's own namespace, that a pod reads. */
export function referencesOf(pod: Pod): References {
  const configMaps = new Set<string>()
  const secrets = new Set<string>()
  const add = (to: Set<string>, name: string | undefined) => {
    if (name) to.add(name)
  }
  for (const { name } of pod.spec?.imagePullSecrets ?? []) add(secrets, name)
  for (const { configMap, secret, projected } of pod.spec?.volumes ?? []) {
    add(configMaps, configMap?.name)
    add(secrets, secret?.secretName)
    for (const source of projected?.sources ?? []) {
      add(configMaps, source.configMap?.name)
      add(secrets, source.secret?.name)
    }
  }
  for (const { env = [], envFrom = [] } of [
    ...initContainersOf(pod),
    ...containersOf(pod),
    ...ephemeralContainersOf(pod),
  ]) {
    for (const { valueFrom } of env) {
      add(configMaps, valueFrom?.configMapKeyRef?.name)
      add(secrets, valueFrom?.secretKeyRef?.name)
    }
    for (const { configMapRef, secretRef } of envFrom) {
      add(configMaps, configMapRef?.name)
      add(secrets, secretRef?.name)
    }
  }
  return { configMaps, secrets }
}
