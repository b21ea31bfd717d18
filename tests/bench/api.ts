import { RawConnection, type Target } from './raw-client.ts'

/** One request, whose answer is decoded. Rejects with what the server said unless it succeeded. */
export async function send<Answer>(
  connection: RawConnection,
  method: string,
  path: string,
  body?: object,
  contentType = 'application/json',
): Promise<Answer> {
  const { status, body: answer } = await connection.request(method, path, {
    contentType,
    ...(body && { body: JSON.stringify(body) }),
  })
  if (status >= 300) throw new Error(`${method} ${path} answered ${status}: ${answer.toString().slice(0, 300)}`)
  return JSON.parse(answer.toString()) as Answer
}

/** Calls back for every object that a watch at `path` (with its query) shows. `ended` rejects when the server ends it. */
export async function watching<T>(
  target: Target,
  path: string,
  onObject: (object: T, type: string) => void,
): Promise<{ ended: Promise<never> } & Disposable> {
  const connection = await RawConnection.open(target)
  let rest = ''
  const onData = (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop()!
    for (const line of lines) {
      const { object, type } = JSON.parse(line) as { object: T; type: string }
      onObject(object, type)
    }
  }
  const ended = connection.request('GET', path, { onData }).then(({ status }): never => {
    throw new Error(`the watch of ${path} ended with ${status}`)
  })
  ended.catch(() => {})
  return { ended, [Symbol.dispose]: () => connection[Symbol.dispose]() }
}
