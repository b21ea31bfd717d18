import type { UserInfo } from '../registry/kind.ts'

export interface VerifiedToken {
  user: UserInfo
  audiences: readonly string[]
}

/** Why a token is refused, in the words of TokenReview. */
export class TokenError extends Error {}

/** Undefined: nobody's. */
export type Verified = VerifiedToken | undefined

/** One kind of bearer tokens. */
export interface TokenSource {
  /**
   * Undefined: not one of its own. Throws (or rejects with) TokenError when it is and not good (any more). A promise where
   * somebody else has to be asked.
   */
  verify(token: string, audiences?: readonly string[]): Verified | Promise<Verified>
}

/** Asks each in turn, and says what the first found wrong with a token that nobody accepts. */
export function anyToken(...sources: readonly TokenSource[]): TokenSource {
  const ask = (
    from: number,
    wrong: TokenError | undefined,
    token: string,
    audiences: readonly string[] | undefined,
  ): Verified | Promise<Verified> => {
    let first = wrong
    for (let i = from; i < sources.length; i++) {
      try {
        const verified = sources[i]!.verify(token, audiences)
        if (verified instanceof Promise)
          return verified.then(
            (found) => found ?? ask(i + 1, first, token, audiences),
            (error: unknown) => ask(i + 1, first ?? tokenError(error), token, audiences),
          )
        if (verified) return verified
      } catch (error) {
        first ??= tokenError(error)
      }
    }
    if (first) throw first
    return undefined
  }
  return { verify: (token, audiences) => ask(0, undefined, token, audiences) }
}

function tokenError(error: unknown): TokenError {
  if (error instanceof TokenError) return error
  throw error
}
