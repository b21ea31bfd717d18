import type { RequestHandlers } from '../channel/server.ts'
import type { Contexts } from '../connections/contexts.ts'
import { myRights } from './my-rights.ts'
import { readPolicy } from './policy.ts'
import { knownSubjects, rightsOf } from './rights.ts'
import { holders, whoCan } from './who-can.ts'

export const accessRequests = (
  contexts: Contexts,
): Pick<RequestHandlers, keyof RequestHandlers & `access.${string}`> => ({
  'access.subjects': async ({ context }, signal) => {
    const policy = await readPolicy(contexts.connection(context), { bindingsOnly: true }, signal)
    return { subjects: knownSubjects(policy), unread: [...policy.unread] }
  },
  'access.whoCan': async ({ context, question }, signal) => {
    const namespace = 'path' in question ? undefined : question.namespace
    return whoCan(await readPolicy(contexts.connection(context), { namespace }, signal), question)
  },
  'access.rightsOf': async ({ context, subject, groups, namespace }, signal) =>
    rightsOf(await readPolicy(contexts.connection(context), { namespace }, signal), subject, groups),
  'access.mine': ({ context, namespace }, signal) => myRights(contexts.connection(context), namespace, signal),
  'access.holders': async ({ context, role }, signal) => {
    const namespace = role.kind === 'Role' ? role.namespace : undefined
    return holders(await readPolicy(contexts.connection(context), { namespace, bindingsOnly: true }, signal), role)
  },
})
