/** What kubectl says of a node in one row. Source: pkg/printers/internalversion, printNode. */
export interface NodeLike {
  readonly metadata?: { readonly labels?: Readonly<Record<string, string>> | undefined } | undefined
  readonly spec?: { readonly unschedulable?: boolean | undefined } | undefined
  readonly status?:
    | {
        readonly conditions?:
          readonly { readonly type?: string | undefined; readonly status?: string | undefined }[] | undefined
        readonly addresses?:
          readonly { readonly type?: string | undefined; readonly address?: string | undefined }[] | undefined
      }
    | undefined
}

/** `Ready`, `NotReady` or `Unknown`, with `SchedulingDisabled` behind a comma for a cordoned node. */
export function nodeStatus({ spec, status }: NodeLike): string {
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')
  const word = ready ? (ready.status === 'True' ? 'Ready' : 'NotReady') : 'Unknown'
  return spec?.unschedulable ? `${word},SchedulingDisabled` : word
}

const rolePrefix = 'node-role.kubernetes.io/'

export function nodeRoles({ metadata }: NodeLike): string {
  const roles = new Set<string>()
  for (const [label, value] of Object.entries(metadata?.labels ?? {})) {
    if (label.startsWith(rolePrefix) && label.length > rolePrefix.length) roles.add(label.slice(rolePrefix.length))
    else if (label === 'kubernetes.io/role' && value) roles.add(value)
  }
  return [...roles].sort().join(',') || '<none>'
}

export const nodeAddress = ({ status }: NodeLike, wanted: string): string | undefined =>
  status?.addresses?.find(({ type }) => type === wanted)?.address
