import type { KubeObject } from '#shared/kube/object.ts'

/** `deployment.apps/web`: the controller of an object. */
export function controllerOf({ metadata }: KubeObject): string {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller)
  if (!owner) return '<none>'
  const [group = '', version] = owner.apiVersion.split('/')
  return `${owner.kind.toLowerCase()}${version ? `.${group}` : ''}/${owner.name}`
}
