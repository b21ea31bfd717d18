/** What to run for a shell. The first looks for bash and takes what there is. */
export const shells = {
  auto: ['sh', '-c', 'command -v bash >/dev/null 2>&1 && exec bash || exec sh'],
  sh: ['sh'],
  bash: ['bash'],
  ash: ['ash'],
} as const

export type ShellChoice = keyof typeof shells | 'custom'

/** Splits a line into words as a shell would for plain words and quotes. */
export function splitWords(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, plain]) => double?.replaceAll(/\\(.)/g, '$1') ?? single ?? plain ?? '',
  )
}
