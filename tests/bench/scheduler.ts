import type { Pod } from 'kubernetes-types/core/v1'
import { selectorOfLabels } from '#shared/kube/selectors.ts'
import { node, pod, World } from '../../electron/cluster/scheduler/testing.ts'
import { printTable, round } from './figures.ts'

const zoneKey = 'topology.kubernetes.io/zone'
const labels = { app: 'web' }
const peers = { labelSelector: { matchLabels: labels } }
const hard = (topologyKey: string, maxSkew: number) => ({
  topologyKey,
  maxSkew,
  whenUnsatisfiable: 'DoNotSchedule',
  ...peers,
})

/** What the pods of one Deployment may ask for, from nothing (spread by the system) to rules over all nodes. */
const shapes: Record<string, (i: number) => Partial<NonNullable<Pod['spec']>>> = {
  'no rules': () => ({}),
  'hard spread over zones and hosts': () => ({
    topologySpreadConstraints: [hard(zoneKey, 1), hard('kubernetes.io/hostname', 5)],
  }),
  'near in the region, rather not on one host': () => ({
    affinity: {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'topology.kubernetes.io/region', ...peers }],
      },
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', ...peers } },
        ],
      },
    },
  }),
  'every pod different': (i) => ({ nodeSelector: { [zoneKey]: `z${i % 3}` }, priority: i }),
}

/** The scheduler alone: decisions per second of CPU time, without an API server. */
export function scheduler({ pods: count }: { pods: number }): void {
  const rows = []
  for (const nodes of [500, 5000])
    for (const [shape, spec] of Object.entries(shapes)) {
      const world = new World({
        nodes: Array.from({ length: nodes }, (_, i) =>
          node(`n${i}`, {
            allocatable: { cpu: '32', memory: '256Gi' },
            labels: { [zoneKey]: `z${i % 3}`, 'topology.kubernetes.io/region': 'r' },
          }),
        ),
        surroundings: { ownerSelector: () => selectorOfLabels(labels) },
      })
      const waiting = Array.from({ length: count }, (_, i) =>
        owned(pod(`p${i}`, { requests: { cpu: '100m', memory: '128Mi' }, labels, ...spec(i) })),
      )
      const start = performance.now()
      const cpu = process.cpuUsage()
      const placed = waiting.filter((one) => world.place(one)).length
      const { user, system } = process.cpuUsage(cpu)
      rows.push({
        nodes,
        pods: shape,
        placed,
        'per s of CPU': round(count / ((user + system) / 1e6)),
        'per s': round(count / ((performance.now() - start) / 1000)),
      })
    }
  printTable(`The scheduler alone, ${count} pods`, rows)
}

const owned = (one: Pod): Pod => ({
  ...one,
  metadata: {
    ...one.metadata,
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'rs', controller: true }],
  },
})
