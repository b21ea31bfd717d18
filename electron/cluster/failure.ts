/** Why the cluster cannot start (or had to stop), for people: one sentence, and the cure. */
export class ClusterFailure extends Error {
  readonly cure: string

  constructor(message: string, cure: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'ClusterFailure'
    this.cure = cure
  }
}
