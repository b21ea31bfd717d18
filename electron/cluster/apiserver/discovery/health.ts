import { textAnswer, type Answer } from '../handlers/answer.ts'

/** One thing that is well, or says why it is not. */
export interface HealthCheck {
  readonly name: string
  /** Undefined: well. */
  check(): string | undefined
}

/**
 * Answers /healthz, /livez and /readyz and the paths below them; undefined for a check that does not exist. Everybody may
 * see the whole, so why a check fails is told by its own path alone. Source: apiserver/pkg/server/healthz.
 */
export function healthAnswer(
  root: string,
  path: string,
  query: URLSearchParams,
  checks: readonly HealthCheck[],
): Answer | undefined {
  const one = path.slice(root.length + 2)
  if (one) {
    const found = checks.find(({ name }) => name === one)
    if (!found) return undefined
    const wrong = found.check()
    return wrong === undefined ? textAnswer(200, 'ok') : textAnswer(500, `internal server error: ${wrong}\n`)
  }
  const excluded = new Set(query.getAll('exclude'))
  let failed = false
  const lines = checks.map(({ name, check }) => {
    if (excluded.delete(name)) return `[+]${name} excluded: ok`
    if (check() === undefined) return `[+]${name} ok`
    failed = true
    return `[-]${name} failed: reason withheld`
  })
  const unknown = [...excluded].sort().map((name) => JSON.stringify(name))
  if (unknown.length) lines.push(`warn: some health checks cannot be excluded: no matches for ${unknown.join(',')}`)
  if (failed) return textAnswer(500, `${lines.join('\n')}\n${root} check failed\n`)
  return textAnswer(200, query.has('verbose') ? `${lines.join('\n')}\n${root} check passed\n` : 'ok')
}
