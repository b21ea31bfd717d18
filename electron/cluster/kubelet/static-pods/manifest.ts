import { createHash } from 'node:crypto'
import type { Container, Pod } from '../types.ts'

export const hashAnnotation = 'kubernetes.io/config.hash'
export const sourceAnnotation = 'kubernetes.io/config.source'
export const seenAnnotation = 'kubernetes.io/config.seen'
export const mirrorAnnotation = 'kubernetes.io/config.mirror'

/**
 * The pod that a manifest (YAML or JSON) describes, as it runs on this node. Its uid is made of what is in the file, so
 * that another content is another pod. Throws with what is wrong. Source: pkg/kubelet/config/common.go.
 */
export async function staticPod(text: string, file: string, nodeName: string, seen: string): Promise<Pod> {
  // Most nodes never read one.
  const { parse } = await import('yaml')
  const read = parse(text) as Partial<Pod> | null
  if (read?.kind !== 'Pod' || read.apiVersion !== 'v1') throw new Error('it is no Pod of v1')
  const { metadata, spec } = read
  if (!metadata?.name || !spec?.containers?.length) throw new Error('it has no name or no containers')
  const uid = createHash('md5')
    .update(`${nodeName}\n${file}\n${JSON.stringify(read)}`)
    .digest('hex')
  const annotations = {
    ...metadata.annotations,
    [hashAnnotation]: uid,
    [sourceAnnotation]: 'file',
    [seenAnnotation]: seen,
  }
  const { initContainers } = spec
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      name: `${metadata.name}-${nodeName}`.toLowerCase(),
      namespace: metadata.namespace || 'default',
      uid,
      creationTimestamp: seen,
      annotations,
    },
    spec: {
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      dnsPolicy: 'ClusterFirst',
      enableServiceLinks: true,
      ...spec,
      containers: (spec.containers as readonly Container[]).map(withDefaults),
      ...(initContainers ? { initContainers: (initContainers as readonly Container[]).map(withDefaults) } : {}),
      nodeName,
      // It belongs to the node, whatever is wrong with that.
      tolerations: [...(spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }],
    },
  } as unknown as Pod
}

/** What the API server would have added, as far as the kubelet does not add it anyway. */
function withDefaults(container: Container): Container {
  const { image = '', resources } = container
  const latest = !image.includes('@') && (!/:[^/]*$/.test(image) || image.endsWith(':latest'))
  const requests = { ...resources?.limits, ...resources?.requests }
  return {
    imagePullPolicy: latest ? 'Always' : 'IfNotPresent',
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    ...container,
    ...(resources?.limits ? { resources: { ...resources, requests } } : {}),
  } as Container
}

/** How a static pod is shown in the API. */
export const mirrorOf = (pod: Pod, node: { name: string; uid: string }): Pod => {
  const { uid: hash = '', name = '', namespace = '', labels, annotations } = pod.metadata ?? {}
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      ...(labels ? { labels } : {}),
      annotations: { ...annotations, [mirrorAnnotation]: hash },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.name, uid: node.uid, controller: true }],
    },
    spec: pod.spec,
  } as Pod
}

export const isMirror = (pod: Pod): boolean => pod.metadata?.annotations?.[mirrorAnnotation] !== undefined
