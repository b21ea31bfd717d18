import { existsSync, readFileSync, statSync } from 'node:fs'
import { issuer } from './apiserver/access.ts'
import { readAuthenticationConfig, type AuthenticationConfig } from './apiserver/authn/oidc/config.ts'
import type { Clock } from './base/clock.ts'
import type { Logger } from './base/logger.ts'
import { ClusterFailure } from './failure.ts'

export interface AuthenticationFileDeps {
  readonly clock: Pick<Clock, 'after'>
  readonly logger: Logger
}

const readEvery = 60_000

/** Whom the cluster believes besides itself, as a file says: read again when it changes, and kept where it then is wrong. */
export class AuthenticationFile implements Disposable {
  readonly #file: string
  readonly #deps: AuthenticationFileDeps
  #current: AuthenticationConfig
  #changed: number
  #cancel = (): void => {}

  /** Throws ClusterFailure. Undefined where there is no such file: one that comes later is read at the next start. */
  static open(file: string, deps: AuthenticationFileDeps): AuthenticationFile | undefined {
    if (!existsSync(file)) return undefined
    try {
      return new AuthenticationFile(file, deps)
    } catch (error) {
      throw new ClusterFailure(
        `The authentication configuration ${file} cannot be used: ${(error as Error).message}.`,
        "Correct it, or remove the file to believe nobody but the cluster's own authority.",
        error,
      )
    }
  }

  private constructor(file: string, deps: AuthenticationFileDeps) {
    this.#file = file
    this.#deps = deps
    this.#changed = changedAt(file)
    this.#current = read(file)
    this.#schedule()
  }

  get current(): AuthenticationConfig {
    return this.#current
  }

  #schedule(): void {
    this.#cancel = this.#deps.clock.after(readEvery, () => {
      this.#look()
      this.#schedule()
    })
  }

  #look(): void {
    const { logger } = this.#deps
    try {
      const changed = changedAt(this.#file)
      if (changed === this.#changed) return
      this.#changed = changed
      this.#current = read(this.#file)
      logger.info('the authentication configuration has been read again', { file: this.#file })
    } catch (error) {
      logger.warn('the authentication configuration stays as it was', {
        file: this.#file,
        error: (error as Error).message,
      })
    }
  }

  [Symbol.dispose](): void {
    this.#cancel()
  }
}

const changedAt = (file: string): number => statSync(file).mtimeMs
const read = (file: string): AuthenticationConfig => readAuthenticationConfig(readFileSync(file, 'utf8'), issuer)
