import type { Answer } from './recording.ts'

/** Fields whose values differ from run to run. */
const markers: Readonly<Record<string, string>> = {
  uid: '<uid>',
  resourceVersion: '<rv>',
  creationTimestamp: '<time>',
  deletionTimestamp: '<time>',
  time: '<time>',
  selfLink: '<link>',
  continue: '<continue>',
  serverAddress: '<address>',
  hash: '<hash>',
}
const uid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/

/** The value with everything that differs from run to run replaced by a marker, as the recording has it. */
export function normalise(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((item) => normalise(item, key))
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, normalise(item, name)]))
  }
  if (typeof value === 'string') return normaliseText(value, key)
  if ((key === 'nodePort' || key === 'healthCheckNodePort') && value !== 30080) return '<nodePort>'
  return value
}

function normaliseText(text: string, key: string): string {
  const marker = markers[key]
  if (marker && !(key === 'resourceVersion' && text === '')) return marker
  if ((key === 'clusterIP' || key === 'clusterIPs') && /^\d/.test(text)) return '<ip>'
  if (time.test(text) && !text.startsWith('2026-01-01')) return '<time>'
  if (key === 'cells') {
    return text
      .replace(uid, '<uid>')
      .replace(/^\d+(\.\d+)?(ms|s|m|h|d)(\d+(s|m|h))?$/, '<age>')
      .replace(/^10\.\d+\.\d+\.\d+$/, '<ip>')
      .replace(/\b3\d{4}\b/g, '<nodePort>')
  }
  const plain = text.startsWith('apiVersion: ')
    ? text
        .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, '<time>')
        .replace(/resourceVersion: "\d+"/g, 'resourceVersion: <rv>')
    : text
  return plain.replace(/\bkube-api-access-[a-z0-9]{5}\b/g, 'kube-api-access-<id>').replace(uid, '<uid>')
}

/** What must agree even where the wording may not: code, reason and blamed fields of a failure, the object of a success. */
export function meaning({ code, body }: Answer): unknown {
  const status = body as {
    kind?: string
    status?: string
    reason?: string
    details?: { causes?: { reason?: string; field?: string }[] }
  } | null
  if (status?.kind === 'Status' && status.status === 'Failure') {
    const causes = (status.details?.causes ?? []).map(({ reason, field = '' }) => `${reason} ${field}`).sort()
    return { code, reason: status.reason, causes }
  }
  return { code, body: withoutManagedFields(body) }
}

function withoutManagedFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutManagedFields)
  if (value === null || typeof value !== 'object') return value
  const kept = Object.entries(value).filter(([key]) => key !== 'managedFields')
  return Object.fromEntries(kept.map(([key, item]) => [key, withoutManagedFields(item)]))
}

/** The first places where two values differ, as `path: wanted → got`. */
export function differences(wanted: unknown, got: unknown, at = '', most = 5): string[] {
  if (JSON.stringify(wanted) === JSON.stringify(got)) return []
  const isHolder = (value: unknown): value is object => value !== null && typeof value === 'object'
  if (!isHolder(wanted) || !isHolder(got) || Array.isArray(wanted) !== Array.isArray(got)) {
    return [`${at || '.'}: ${short(wanted)} → ${short(got)}`]
  }
  const keys = new Set([...Object.keys(wanted), ...Object.keys(got)])
  const [left, right] = [wanted as Record<string, unknown>, got as Record<string, unknown>]
  return [...keys].flatMap((key) => differences(left[key], right[key], `${at}.${key}`, most)).slice(0, most)
}

const short = (value: unknown): string => (value === undefined ? 'absent' : JSON.stringify(value).slice(0, 120))
