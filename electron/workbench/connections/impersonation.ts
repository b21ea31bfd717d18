import type { Impersonation } from '#shared/ipc/contexts.ts'
import type { StatusError } from '#shared/kube/status.ts'
import type { Access } from './kubeconfigs.ts'

/** The access of one who speaks for somebody else. What the kubeconfig says of that itself gives way. */
export function impersonating(access: Access, somebody: Impersonation | undefined): Access {
  if (!somebody) return access
  const own = Object.entries(access.headers).filter(([name]) => !/^impersonate-/i.test(name))
  const headers = {
    ...Object.fromEntries(own),
    'Impersonate-User': somebody.user,
    ...(somebody.groups.length ? { 'Impersonate-Group': [...somebody.groups] } : {}),
  }
  return { ...access, headers }
}

/** Whether the server forbids to speak for that user, rather than what that user asks. */
export const isAboutImpersonation = ({ message }: StatusError): boolean => / cannot impersonate /.test(message)
