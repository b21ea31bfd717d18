import type { StreamParams } from '#shared/ipc/contract.ts'

/** A shell that knows three commands and echoes what is typed. */
export function fakeShell(
  params: StreamParams<'exec.open'>,
  say: (value: { data?: string; exit?: { code: number } }) => void,
): { up(value: unknown): void; close(): void } {
  const prompt = `\x1b[32m${params.pod.slice(0, 24)}\x1b[0m:\x1b[34m/\x1b[0m$ `
  let typed = ''
  say({ data: prompt })
  const run = (line: string): string => {
    if (line === 'ls') return 'app  bin  etc  proc  tmp  usr\r\n'
    if (line === 'env') return `APP_NAME=hello\r\nPOD_NAME=${params.pod}\r\n`
    return line ? `sh: ${line}: not found\r\n` : ''
  }
  return {
    up(value) {
      const { data = '' } = value as { data?: string }
      for (const char of data) {
        if (char === '\r') {
          const line = typed
          typed = ''
          if (line === 'exit') {
            say({ data: '\r\n', exit: { code: 0 } })
            return
          }
          say({ data: `\r\n${run(line)}${prompt}` })
        } else if (char === '\x7f') {
          if (typed) say({ data: '\b \b' })
          typed = typed.slice(0, -1)
        } else {
          typed += char
          say({ data: char })
        }
      }
    },
    close: () => undefined,
  }
}
