import type { z } from 'zod'

/** A question with one answer. Params are validated by the workbench before anything acts on them. */
export interface RequestDefinition<P extends z.ZodType = z.ZodType, R = unknown> {
  readonly params: P
  /** Only a type: answers come from the workbench, which we wrote. */
  readonly result?: R
}

/** A conversation: `up` is what the renderer may say after opening, validated; `down` is what it hears. */
export interface StreamDefinition<P extends z.ZodType = z.ZodType, U extends z.ZodType = z.ZodType, D = unknown> {
  readonly params: P
  readonly up: U
  readonly down?: D
}

export const request =
  <R>() =>
  <P extends z.ZodType>(params: P): RequestDefinition<P, R> => ({ params })

export const stream =
  <D>() =>
  <P extends z.ZodType, U extends z.ZodType>(params: P, up: U): StreamDefinition<P, U, D> => ({ params, up })
