import type { LooseSelector } from './labels.ts'

/** Labels of nodes that have newer names. */
const deprecated: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

/** What to say of a label, after its name or path. Source: GetNodeLabelDeprecatedMessage. */
export const deprecatedNodeLabel = (key: string | undefined): string | undefined => deprecated[key ?? '']

interface Expressions {
  readonly matchExpressions?: readonly { readonly key?: string | undefined }[] | undefined
}

/** Source: GetWarningsForNodeSelectorTerm. */
export const nodeTermWarnings = (term: Expressions | undefined, path: string): string[] =>
  (term?.matchExpressions ?? []).flatMap(({ key }, i) => {
    const text = deprecatedNodeLabel(key)
    return text ? [`${path}.matchExpressions[${i}].key: ${key} is ${text}`] : []
  })

/** Source: GetWarningsForNodeSelector. */
export const nodeSelectorWarnings = (selector: LooseSelector | undefined, path: string): string[] => [
  ...nodeTermWarnings(selector, path),
  ...nodeLabelWarnings(selector?.matchLabels, (key) => `${path}.matchLabels[${key}]`),
]

/** Of labels by which nodes are selected; `path` tells where one is. */
export const nodeLabelWarnings = (
  labels: Readonly<Record<string, unknown>> | undefined,
  path: (key: string) => string,
): string[] =>
  Object.keys(labels ?? {}).flatMap((key) => {
    const text = deprecatedNodeLabel(key)
    return text ? [`${path(key)}: ${text}`] : []
  })
