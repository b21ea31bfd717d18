import { statusFailure, StatusError, type Status } from '#shared/kube/status.ts'

/** What another API server answered, decoded. Throws its Status, or one of ours where it sent none. */
export function decodeAnswer({ status: code, body }: { status: number; body: Buffer }): unknown {
  let answer: unknown
  try {
    answer = JSON.parse(body.toString())
  } catch {
    answer = undefined
  }
  if (code >= 200 && code < 300 && answer !== undefined) return answer
  if (isStatus(answer)) throw new StatusError({ ...answer, code: answer.code ?? code })
  if (code === 404) throw statusFailure(404, 'NotFound', 'the server could not find the requested resource')
  throw statusFailure(code < 400 ? 500 : code, 'InternalError', `the server has answered ${code} without a Status`)
}

const isStatus = (answer: unknown): answer is Status => (answer as { kind?: unknown } | undefined)?.kind === 'Status'
