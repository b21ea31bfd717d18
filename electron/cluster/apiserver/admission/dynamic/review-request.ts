import type { Admitted, Matched } from './admitted.ts'

const optionsOf = (kind: string) => ({ kind, apiVersion: 'meta.k8s.io/v1' })
/** Of components inside the server, which send none. */
const defaultOptions: Readonly<Record<string, Record<string, unknown>>> = {
  CREATE: optionsOf('CreateOptions'),
  UPDATE: optionsOf('UpdateOptions'),
  DELETE: optionsOf('DeleteOptions'),
}

/** The admission.k8s.io/v1 AdmissionRequest without uid and objects: what expressions see as `request`. */
export function reviewRequest({ request, own }: Admitted, matched: Matched): Record<string, unknown> {
  const { name, namespace, operation, user, dryRun, subresource, options } = request
  const part = subresource ? { subResource: subresource } : {}
  return {
    kind: matched.kind,
    resource: matched.resource,
    ...part,
    requestKind: own.kind,
    requestResource: own.resource,
    ...(subresource && { requestSubResource: subresource }),
    ...(name && { name }),
    ...(namespace && { namespace }),
    operation,
    userInfo: {
      username: user.name,
      ...(user.uid && { uid: user.uid }),
      groups: user.groups,
      ...(user.extra && Object.keys(user.extra).length && { extra: user.extra }),
    },
    dryRun,
    options: options ?? defaultOptions[operation] ?? null,
  }
}
