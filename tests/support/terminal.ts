import { spawn, type IPty } from '@lydell/node-pty'

/** A program that sits at a terminal, and the person at its keyboard. */
export interface Terminal extends Disposable {
  /** Types the text and Enter. */
  type(text: string): void
  resize(columns: number, rows: number): void
  /** Everything that has been shown. */
  shown(): string
  /** Resolves once what has been shown since the last `see` matches; fails with what was shown. */
  see(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>
  readonly exited: Promise<number>
}

export function openTerminal(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
  size = { columns: 100, rows: 30 },
): Terminal {
  const pty: IPty = spawn(command, [...args], {
    cols: size.columns,
    rows: size.rows,
    env: { ...(process.env as Record<string, string>), ...env },
  })
  let text = ''
  let seen = 0
  let over = false
  let wake = () => {}
  pty.onData((chunk) => {
    text += chunk
    wake()
  })
  const exited = new Promise<number>((resolve) =>
    pty.onExit(({ exitCode }) => {
      over = true
      wake()
      resolve(exitCode)
    }),
  )
  return {
    type: (line) => pty.write(`${line}\r`),
    resize: (columns, rows) => pty.resize(columns, rows),
    shown: () => text,
    async see(pattern, timeoutMs = 20_000) {
      const end = Date.now() + timeoutMs
      for (;;) {
        const match = pattern.exec(text.slice(seen))
        if (match) {
          seen += match.index + match[0].length
          return match
        }
        if (over || Date.now() > end)
          throw new Error(
            `${over ? 'the program ended' : `waited ${timeoutMs} ms`} before ${pattern} was shown; shown was: ${JSON.stringify(text.slice(seen))}`,
          )
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 200)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    },
    exited,
    [Symbol.dispose]() {
      if (!over) pty.kill('SIGKILL')
    },
  }
}
