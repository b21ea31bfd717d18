import type { Pod } from '../types.ts'

/** What a pod knows of itself only once it runs. */
export interface PodAddresses {
  podIp: string
  hostIp: string
}

/** A `fieldRef`, for variables and files. Source: fieldpath.ExtractFieldPathAsString and podFieldSelectorRuntimeValue. */
export function fieldValue(pod: Pod, path: string, { podIp, hostIp }: PodAddresses): string {
  const { metadata, spec } = pod
  const entry = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path)
  if (entry) return metadata?.[entry[1] as 'labels' | 'annotations']?.[entry[2]!] ?? ''
  switch (path) {
    case 'metadata.name':
      return metadata?.name ?? ''
    case 'metadata.namespace':
      return metadata?.namespace ?? ''
    case 'metadata.uid':
      return metadata?.uid ?? ''
    case 'metadata.labels':
      return formatMap(metadata?.labels)
    case 'metadata.annotations':
      return formatMap(metadata?.annotations)
    case 'spec.nodeName':
      return spec?.nodeName ?? ''
    case 'spec.serviceAccountName':
      return spec?.serviceAccountName ?? ''
    case 'status.hostIP':
    case 'status.hostIPs':
      return hostIp
    case 'status.podIP':
    case 'status.podIPs':
      return podIp
    default:
      throw new Error(`unsupported fieldPath: ${path}`)
  }
}

/** `key="value"` lines, sorted, quoted as Go's %q. */
const formatMap = (map: Readonly<Record<string, string>> = {}): string =>
  Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n')
