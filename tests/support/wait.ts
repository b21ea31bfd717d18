/** Asks again until the answer is truthy; fails with what was waited for and the last error. */
export async function eventually<T>(
  what: string,
  ask: () => T | Promise<T>,
  timeoutMs = 20_000,
): Promise<Exclude<T, false | null | undefined>> {
  const end = Date.now() + timeoutMs
  let last: unknown
  for (;;) {
    try {
      last = await ask()
      if (last) return last as Exclude<T, false | null | undefined>
    } catch (error) {
      last = error
    }
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms for: ${what}`, { cause: last })
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
