import type { KubeObject } from '#shared/kube/object.ts'

/** Field by field, the core group's name of what events.k8s.io calls otherwise. */
const renamed: Readonly<Record<string, string>> = {
  regarding: 'involvedObject',
  note: 'message',
  reportingController: 'reportingComponent',
  deprecatedSource: 'source',
  deprecatedFirstTimestamp: 'firstTimestamp',
  deprecatedLastTimestamp: 'lastTimestamp',
  deprecatedCount: 'count',
}
const back: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(renamed).map(([ours, core]) => [core, ours]),
)

function rename(object: KubeObject, names: Readonly<Record<string, string>>, apiVersion: string): KubeObject {
  const fields = Object.entries(object).map(([field, value]) => [names[field] ?? field, value] as const)
  return { ...Object.fromEntries(fields), apiVersion }
}

export const toCore = (event: KubeObject): KubeObject => rename(event, renamed, 'v1')
export const fromCore = (event: KubeObject): KubeObject => rename(event, back, 'events.k8s.io/v1')
