import { rejected, type Plugin } from './api.ts'

const rejection = rejected("node(s) didn't match the requested node name", true)

export const nodeName: Plugin = {
  name: 'NodeName',
  filter({ pod }) {
    const wanted = pod.spec?.nodeName
    return wanted ? { fits: ({ name }) => name === wanted, why: () => rejection } : undefined
  },
  mayHelp: (event, { pod }) => event.kind === 'node added' && event.node.metadata?.name === pod.spec?.nodeName,
}
