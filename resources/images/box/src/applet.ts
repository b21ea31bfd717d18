/** A tool of /bin: its exit status. A wrong use is a `Usage`. */
export type Applet = (args: string[], name: string) => number | Promise<number>

export class Usage extends Error {}

export interface Options {
  has(flag: string): boolean
  /** The last value given. */
  value(flag: string): string | undefined
  values(flag: string): string[]
  /** What is not an option. */
  rest: string[]
}

/**
 * POSIX options: single letters, `:` after those that take a value. `long` maps names to letters.
 * `stopEarly`: the first operand ends them, as commands that run a command need it.
 */
export function options(
  args: readonly string[],
  letters: string,
  long: Readonly<Record<string, string>> = {},
  stopEarly = false,
): Options {
  const found: { flag: string; value: string }[] = []
  const rest: string[] = []
  const takesValue = (flag: string) => letters[letters.indexOf(flag) + 1] === ':'
  for (let at = 0; at < args.length; at++) {
    const argument = args[at]!
    if (argument === '--') {
      rest.push(...args.slice(at + 1))
      break
    }
    if (argument === '-' || !argument.startsWith('-')) {
      rest.push(argument)
      if (!stopEarly) continue
      rest.push(...args.slice(at + 1))
      break
    }
    if (argument.startsWith('--')) {
      const [name = '', ...value] = argument.slice(2).split('=')
      const flag = long[name]
      if (flag === undefined) throw new Usage(`unrecognized option '${argument}'`)
      found.push({ flag, value: takesValue(flag) ? (value.length ? value.join('=') : (args[++at] ?? '')) : '' })
      continue
    }
    for (let letter = 1; letter < argument.length; letter++) {
      const flag = argument[letter]!
      if (flag === ':' || !letters.includes(flag)) throw new Usage(`invalid option -- '${flag}'`)
      if (!takesValue(flag)) {
        found.push({ flag, value: '' })
        continue
      }
      const attached = argument.slice(letter + 1)
      if (!attached && at + 1 >= args.length) throw new Usage(`option requires an argument -- '${flag}'`)
      found.push({ flag, value: attached || args[++at]! })
      break
    }
  }
  const values = (flag: string) => found.filter((option) => option.flag === flag).map(({ value }) => value)
  return {
    has: (flag) => found.some((option) => option.flag === flag),
    value: (flag) => values(flag).at(-1),
    values,
    rest,
  }
}

/** A number that an argument must be. */
export function numberOf(text: string | undefined, what = 'number'): number {
  if (text === undefined || !/^[-+]?\d+(\.\d+)?$/.test(text)) throw new Usage(`invalid ${what} '${text ?? ''}'`)
  return Number(text)
}

/** `-5` and `+5` are old ways to write `-n 5` and `-n +5`. */
export const countOption = (args: readonly string[]): string[] =>
  args.flatMap((argument, index) => {
    const isValue = /^-[nc]$/.test(args[index - 1] ?? '')
    return !isValue && /^[-+]\d+$/.test(argument) ? ['-n', argument.replace(/^-/, '')] : [argument]
  })
