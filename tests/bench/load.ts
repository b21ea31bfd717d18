import { RawConnection, type Target } from './raw-client.ts'
import { quantile } from './figures.ts'

export interface LoadFigures {
  perSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  failures: number
}

/** Clients that each send one request after the other until `count` are done. Closed loop: a slow answer delays the next. */
export async function load(
  target: Target,
  clients: number,
  count: number,
  send: (connection: RawConnection, index: number) => Promise<number>,
): Promise<LoadFigures> {
  const connections = await Promise.all(Array.from({ length: clients }, () => RawConnection.open(target)))
  const times: number[] = []
  let next = 0
  let failures = 0
  const start = performance.now()
  await Promise.all(
    connections.map(async (connection) => {
      for (let index = next++; index < count; index = next++) {
        const from = performance.now()
        const status = await send(connection, index)
        times.push(performance.now() - from)
        if (status >= 300) failures++
      }
    }),
  )
  const seconds = (performance.now() - start) / 1000
  for (const connection of connections) connection[Symbol.dispose]()
  times.sort((a, b) => a - b)
  return { perSecond: count / seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99), failures }
}
