import { portsConflict } from '../resources.ts'
import { rejected, type Plugin } from './api.ts'

const rejection = rejected("node(s) didn't have free ports for the requested pod ports")

export const nodePorts: Plugin = {
  name: 'NodePorts',
  filter({ hostPorts }) {
    if (!hostPorts.length) return undefined
    return {
      fits: ({ ports }) => !hostPorts.some((wanted) => ports.some((used) => portsConflict(wanted, used))),
      why: () => rejection,
    }
  },
  mayHelp: (event, { hostPorts }) =>
    event.kind === 'node added' ||
    (event.kind === 'pod gone' &&
      event.pod.hostPorts.some((freed) => hostPorts.some((wanted) => portsConflict(freed, wanted)))),
}
