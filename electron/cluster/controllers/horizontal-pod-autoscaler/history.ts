/** What was wanted, and when. All times of the history are of the monotonic clock, in milliseconds. */
export interface Recommendation {
  readonly replicas: number
  readonly at: number
}

/** By how many replicas the target was scaled, without a sign. */
export interface ScaleEvent {
  readonly change: number
  readonly at: number
}

export interface History {
  readonly recommendations: readonly Recommendation[]
  readonly ups: readonly ScaleEvent[]
  readonly downs: readonly ScaleEvent[]
}

export const noHistory: History = { recommendations: [], ups: [], downs: [] }

/** An autoscaler that is new here has recommended what it finds. */
export const begun = (history: History, replicas: number, at: number): History =>
  history.recommendations.length ? history : { ...history, recommendations: [{ replicas, at }] }
