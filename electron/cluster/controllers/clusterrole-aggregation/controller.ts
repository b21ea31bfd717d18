import { clusterRoles } from '#shared/kube/resources.ts'
import type { InformerFactory } from '../../client/informer-factory.ts'
import { decider, watch, type Controller } from '../framework/controller.ts'
import { equal } from '../framework/support/equality.ts'
import { reconcile } from './reconcile.ts'

/** Keeps the rules of roles that consist of others. */
export function clusterRoleAggregationController({ informers }: { informers: InformerFactory }): Controller {
  const roles = informers.for(clusterRoles)
  const aggregating = roles.index('aggregating', ({ aggregationRule }) => (aggregationRule ? ['yes'] : []))
  return decider({
    name: 'clusterrole-aggregation-controller',
    workers: 1,
    writesTo: [roles],
    watches: [
      // Any role may be, or have been, part of any that aggregates.
      watch(roles, (role, old) => {
        const isSame = old && equal(old.rules, role.rules) && equal(old.metadata?.labels, role.metadata?.labels)
        const own = role.aggregationRule && role.metadata?.name
        return isSame ? (own ? [own] : []) : aggregating.get('yes').map(({ metadata }) => metadata?.name ?? '')
      }),
    ],
    observe(name) {
      const role = roles.lister.get(name)
      return role?.aggregationRule && { role, all: roles.lister.list() }
    },
    reconcile,
  })
}
