/** What kubectl says of a job in one row. Source: pkg/printers/internalversion, printJob. */
export interface JobLike {
  readonly metadata?: { readonly deletionTimestamp?: string | undefined } | undefined
  readonly status?:
    | {
        readonly conditions?:
          readonly { readonly type?: string | undefined; readonly status?: string | undefined }[] | undefined
      }
    | undefined
}

export function jobStatus({ metadata, status }: JobLike): string {
  const holds = (wanted: string) =>
    status?.conditions?.some(({ type, status: value }) => type === wanted && value === 'True')
  if (holds('Complete')) return 'Complete'
  if (holds('Failed')) return 'Failed'
  if (metadata?.deletionTimestamp) return 'Terminating'
  if (holds('Suspended')) return 'Suspended'
  if (holds('FailureTarget')) return 'FailureTarget'
  return holds('SuccessCriteriaMet') ? 'SuccessCriteriaMet' : 'Running'
}
