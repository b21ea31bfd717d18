export interface Issuer {
  readonly url: string
  /** Where the issuer's metadata is, if elsewhere than below its URL. */
  readonly discoveryURL: string
  /** PEM; '' for the system's authorities. */
  readonly certificateAuthority: string
  readonly audiences: readonly string[]
  readonly audienceMatchPolicy: string
}

/** One of both. A prefix goes with a claim only. */
export interface ClaimOrExpression {
  readonly claim: string
  readonly prefix: string | undefined
  readonly expression: string
}

/** What an AuthenticationConfiguration says of one issuer and its tokens. */
export interface JwtAuthenticator {
  readonly issuer: Issuer
  readonly claimValidationRules: readonly {
    claim: string
    requiredValue: string
    expression: string
    message: string
  }[]
  readonly claimMappings: {
    readonly username: ClaimOrExpression
    readonly groups: ClaimOrExpression
    readonly uid: ClaimOrExpression
    readonly extra: readonly { key: string; valueExpression: string }[]
  }
  readonly userValidationRules: readonly { expression: string; message: string }[]
}
