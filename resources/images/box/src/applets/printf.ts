import { Usage } from '../applet.ts'
import { unescape } from './echo.ts'

/** The format is used again while arguments are left. */
export function printf(args: readonly string[]): { text: string; fault?: string } {
  const [format, ...values] = args[0] === '--' ? args.slice(1) : args
  if (format === undefined) throw new Usage('usage: printf FORMAT [ARGUMENT]…')
  let text = ''
  let fault: string | undefined
  let stopped = false
  const takeNumber = (value: string): number => {
    if (/^['"]/.test(value)) return value.codePointAt(1) ?? 0
    const number = value === '' ? 0 : Number(/^[-+]?0[0-7]+$/.test(value) ? value.replace(/0/, '0o') : value)
    if (!Number.isNaN(number)) return number
    fault = `invalid number '${value}'`
    return Number.parseFloat(value) || 0
  }
  do {
    const before = values.length
    text += format.replace(
      /%([-+ 0#]*)(\*|\d+)?(?:\.(\*|\d+)?)?([a-zA-Z%])|\\(?:c|[0-7]{1,3}|x[\da-fA-F]{1,2}|[\s\S])|[^%\\]+|%/g,
      (whole, flags: string, width: string | undefined, precision: string | undefined, kind: string | undefined) => {
        if (stopped) return ''
        if (whole === '\\c') {
          stopped = true
          return ''
        }
        if (whole.startsWith('\\'))
          return /^\\[0-7]/.test(whole) ? String.fromCharCode(Number.parseInt(whole.slice(1), 8)) : unescape(whole).text
        if (kind === undefined) return whole
        if (kind === '%') return '%'
        const size = width === '*' ? takeNumber(values.shift() ?? '0') : width === undefined ? 0 : Number(width)
        const digits =
          precision === '*'
            ? takeNumber(values.shift() ?? '0')
            : precision === undefined
              ? whole.includes('.')
                ? 0
                : undefined
              : Number(precision)
        const value = values.shift() ?? ''
        if (kind === 'b') {
          const part = unescape(value)
          stopped ||= part.stopped
          return pad(part.text, size, flags, false)
        }
        return convert(kind, value, size, flags, digits, takeNumber)
      },
    )
    if (stopped || before === values.length) break
  } while (values.length)
  return { text, ...(fault === undefined ? {} : { fault }) }
}

function convert(
  kind: string,
  value: string,
  size: number,
  flags: string,
  digits: number | undefined,
  takeNumber: (value: string) => number,
): string {
  const signed = (text: string) =>
    text.startsWith('-') ? text : flags.includes('+') ? `+${text}` : flags.includes(' ') ? ` ${text}` : text
  const whole = (base: number) =>
    Math.trunc(takeNumber(value))
      .toString(base)
      .padStart(digits ?? 0, '0')
  switch (kind) {
    case 's':
      return pad(digits === undefined ? value : value.slice(0, digits), size, flags, false)
    case 'c':
      return pad(value.slice(0, 1), size, flags, false)
    case 'd':
    case 'i':
    case 'u':
      return pad(signed(whole(10)), size, flags, digits === undefined)
    case 'o':
      return pad((flags.includes('#') ? '0' : '') + whole(8), size, flags, true)
    case 'x':
      return pad((flags.includes('#') ? '0x' : '') + whole(16), size, flags, true)
    case 'X':
      return pad((flags.includes('#') ? '0X' : '') + whole(16).toUpperCase(), size, flags, true)
    case 'f':
    case 'F':
      return pad(signed(takeNumber(value).toFixed(digits ?? 6)), size, flags, true)
    case 'e':
      return pad(
        signed(
          takeNumber(value)
            .toExponential(digits ?? 6)
            .replace(/e([-+])(\d)$/, 'e$10$2'),
        ),
        size,
        flags,
        true,
      )
    case 'g':
      return pad(signed(String(Number(takeNumber(value).toPrecision(digits || 6)))), size, flags, true)
    default:
      throw new Usage(`%${kind}: invalid directive`)
  }
}

function pad(text: string, size: number, flags: string, zeros: boolean): string {
  if (flags.includes('-') || size < 0) return text.padEnd(Math.abs(size))
  if (!zeros || !flags.includes('0')) return text.padStart(size)
  const [, sign = '', digits = ''] = /^([-+ ]?(?:0[xX])?)([\s\S]*)$/.exec(text)!
  return sign + digits.padStart(size - sign.length, '0')
}
