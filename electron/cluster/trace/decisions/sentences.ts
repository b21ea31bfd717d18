import type { PluginRejection } from '#shared/kube/trace.ts'
import { readable } from './amounts.ts'
import type { Group } from './groups.ts'

/** Verbs in the singular and the plural. */
type Phrase = (many: boolean) => string

const has = (many: boolean): string => (many ? 'have' : 'has')
const is = (many: boolean): string => (many ? 'are' : 'is')
const lack = (many: boolean): string => (many ? 'lack' : 'lacks')
const does = (many: boolean): string => (many ? 'do' : 'does')

const detailed = (text: string, detail: string | undefined): string => (detail ? `${text} (${detail})` : text)

/** What plug-ins have against nodes, in plain words; of others their own are used. */
const phrases: Readonly<Record<string, (rejection: PluginRejection) => Phrase>> = {
  NodeUnschedulable: () => (many) => `${is(many)} cordoned`,
  NodeName: () => (many) => `${is(many)} not the one that the pod names`,
  TaintToleration:
    ({ detail }) =>
    (many) =>
      `${has(many)} ${detail ? `taint ${detail}` : 'a taint that the pod does not tolerate'}`,
  NodeAffinity:
    ({ detail }) =>
    (many) =>
      detailed(`${does(many)} not match the node selector or affinity`, detail),
  NodePorts: () => (many) => `${has(many)} its host ports taken`.replace('have its', 'have their'),
  NodeDeclaredFeatures: () => (many) => `${does(many)} not declare what the pod asks for`,
  DynamicResources:
    ({ reasons }) =>
    (many) =>
      reasons.includes('resourceclaim not available on the node')
        ? `${does(many)} not reach the devices that its claim has`
        : reasons.includes('cannot allocate all claims')
          ? `${lack(many)} free devices for its claims`
          : `rejected: ${reasons.join(', ')}`,
  PodTopologySpread:
    ({ reasons }) =>
    (many) =>
      reasons.some((reason) => reason.includes('missing required label'))
        ? `${lack(many)} the label that pods are spread by`
        : 'would upset the spread of pods',
  InterPodAffinity:
    ({ reasons }) =>
    (many) =>
      reasons.some((reason) => reason.includes('anti-affinity'))
        ? `${has(many)} pods that it must keep away from`
        : `${has(many)} no pods that it must be near`,
}

/** `1 has taint gpu=true:NoSchedule`, `2 lack cpu (1 more needed)`. */
function describeGroup({ count, plugins, lacks }: Group): string {
  const many = count !== 1
  const parts = plugins.map((plugin) => {
    const known = phrases[plugin.name]
    if (known) return known(plugin)(many)
    if (plugin.missing) return describeShortage(lacks, many)
    return `rejected: ${plugin.reasons.join(', ')}`
  })
  return `${count} ${parts.join(' and ')}`
}

function describeShortage(lacks: Group['lacks'], many: boolean): string {
  const resources = [...lacks].filter(([resource]) => resource !== 'pods')
  const full = lacks.has('pods') ? [`${has(many)} as many pods as may be`] : []
  const allTooSmall = resources.every(([, { tooSmall }]) => tooSmall)
  const missing = resources.map(([resource, { least, most, tooSmall }]) => {
    const amount = `${least === most ? '' : 'at least '}${readable(resource, least)} more needed`
    return `${resource} (${amount}${tooSmall && !allTooSmall ? ', even when empty' : ''})`
  })
  const lacking = missing.length ? `${lack(many)} ${missing.join(' and ')}${allTooSmall ? ' even when empty' : ''}` : ''
  return [...full, lacking].filter(Boolean).join(' and ')
}

/** So many groups fit into a sentence. */
const mostGroups = 4

export function describeGroups(groups: readonly Group[]): string {
  const shown = groups.slice(0, mostGroups).map(describeGroup)
  const others = groups.slice(mostGroups).reduce((sum, { count }) => sum + count, 0)
  return [...shown, ...(others ? [`${others} for other reasons`] : [])].join(', ')
}
