import type { RequestHandlers, StreamHandlers } from '../channel/server.ts'
import { follow } from '../channel/follow.ts'
import type { Contexts } from './contexts.ts'

export function contextRequests(
  contexts: Contexts,
): Pick<RequestHandlers, keyof RequestHandlers & `contexts.${string}`> {
  return {
    'contexts.connect': async ({ context }, signal) => ({ version: await contexts.connect(context, signal) }),
    'contexts.resources': ({ context }) => contexts.resources(context),
    'contexts.protect': ({ context, on }) => contexts.protect(context, on),
    'contexts.unlock': ({ context, typed }) => contexts.unlock(context, typed),
    'contexts.viewAs': ({ context, somebody }, signal) => contexts.viewAs(context, somebody, signal),
    'contexts.can': async ({ context, ...resourceAttributes }, signal) => {
      const { value } = await contexts
        .connection(context)
        .json<{ status?: { allowed?: boolean } }>('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
          method: 'POST',
          body: {
            apiVersion: 'authorization.k8s.io/v1',
            kind: 'SelfSubjectAccessReview',
            spec: { resourceAttributes },
          },
          signal,
        })
      return value.status?.allowed === true
    },
  }
}

export function contextStreams(contexts: Contexts): Pick<StreamHandlers, 'contexts.watch'> {
  return {
    'contexts.watch': (_params, outlet) =>
      follow(
        outlet,
        () => ({ contexts: contexts.list(), problems: contexts.problems }),
        (changed) => contexts.onChange(changed),
      ),
  }
}
