import { textAnswer, type Answer } from '../handlers/answer.ts'

/** One thing that is well, or says why it is not. */
export interface HealthCheck {
  readonly name: string
  /** Undefined: well. */
  check(): string | undefined
}

/** Answers /healthz, /livez and /readyz and the paths below them; undefined for a check that does not exist. */
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
  const excluded = query.getAll('exclude').flatMap((names) => names.split(','))
  const results = checks.map(({ name, check }) => ({ name, wrong: excluded.includes(name) ? undefined : check() }))
  const failed = results.filter(({ wrong }) => wrong !== undefined)
  const lines = results.map(({ name, wrong }) => {
    if (excluded.includes(name)) return `[+]${name} excluded: ok`
    return wrong === undefined ? `[+]${name} ok` : `[-]${name} failed: ${wrong}`
  })
  const unknown = excluded.filter((name) => !checks.some((check) => check.name === name)).map((name) => `"${name}"`)
  if (unknown.length)
    lines.push(`warn: some health checks cannot be excluded: no matches for ${unknown.toSorted().join(',')}`)
  if (failed.length) return textAnswer(500, `${lines.join('\n')}\n${root} check failed\n`)
  return textAnswer(200, query.has('verbose') ? `${lines.join('\n')}\n${root} check passed\n` : 'ok')
}
