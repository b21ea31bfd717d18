import { parseGoDuration } from '../duration.ts'

/** What is wrong with a schedule, in the words of robfig/cron's ParseStandard; undefined when nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  try {
    parseSchedule(schedule)
    return undefined
  } catch (error) {
    if (error instanceof ScheduleError) return error.message
    throw error
  }
}

export class ScheduleError extends Error {
  override readonly name = 'ScheduleError'
}

/** The values that a field allows. `star`: it allows all, because it was not spelt out. */
export interface Field {
  readonly values: ReadonlySet<number>
  readonly star: boolean
}

/** Times of day on certain days, or every so many milliseconds. */
export type Schedule =
  | {
      readonly minute: Field
      readonly hour: Field
      readonly dayOfMonth: Field
      readonly month: Field
      readonly dayOfWeek: Field
    }
  | { readonly every: number }

interface Bounds {
  min: number
  max: number
  names?: readonly string[]
}

const fields: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  { min: 0, max: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
]

const descriptors = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
])

/** Throws ScheduleError. */
export function parseSchedule(schedule: string): Schedule {
  if (schedule === '') throw new ScheduleError('empty spec string')
  if (schedule.startsWith('@')) return parseDescriptor(schedule)
  const parts = schedule.split(/\s+/).filter((part) => part !== '')
  if (parts.length !== 5)
    throw new ScheduleError(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`)
  const [minute, hour, dayOfMonth, month, dayOfWeek] = parts.map((part, i) => parseField(part, fields[i]!))
  return { minute: minute!, hour: hour!, dayOfMonth: dayOfMonth!, month: month!, dayOfWeek: dayOfWeek! }
}

function parseDescriptor(text: string): Schedule {
  const fixed = descriptors.get(text)
  if (fixed) return parseSchedule(fixed)
  if (!text.startsWith('@every ')) throw new ScheduleError(`unrecognized descriptor: ${text}`)
  const duration = text.slice('@every '.length)
  const every = parseGoDuration(duration)
  if (every === undefined) {
    throw new ScheduleError(`failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`)
  }
  return { every: Math.max(1000, Math.trunc(every / 1000) * 1000) }
}

function parseField(text: string, bounds: Bounds): Field {
  const ranges = text.split(',').filter((each) => each !== '')
  const parsed = ranges.map((range) => parseRange(range, bounds))
  return { values: new Set(parsed.flatMap(({ values }) => values)), star: parsed.some(({ star }) => star) }
}

function parseRange(text: string, { min, max, names }: Bounds): { values: number[]; star: boolean } {
  const parts = text.split('/')
  const ends = parts[0]!.split('-')
  let low = min
  let high = max
  let star = true
  if (ends[0] !== '*' && ends[0] !== '?') {
    star = false
    low = parseValue(ends[0]!, names, min)
    if (ends.length > 2) throw new ScheduleError(`too many hyphens: ${text}`)
    high = ends.length === 2 ? parseValue(ends[1]!, names, min) : low
  }
  if (parts.length > 2) throw new ScheduleError(`too many slashes: ${text}`)
  const step = parts.length === 2 ? parseNumber(parts[1]!) : 1
  if (parts.length === 2 && ends.length === 1) high = max
  if (step > 1) star = false
  if (low < min) throw new ScheduleError(`beginning of range (${low}) below minimum (${min}): ${text}`)
  if (high > max) throw new ScheduleError(`end of range (${high}) above maximum (${max}): ${text}`)
  if (low > high) throw new ScheduleError(`beginning of range (${low}) beyond end of range (${high}): ${text}`)
  if (step === 0) throw new ScheduleError(`step of range should be a positive number: ${text}`)
  const values: number[] = []
  for (let value = low; value <= high; value += step) values.push(value)
  return { values, star }
}

function parseValue(text: string, names: readonly string[] | undefined, first: number): number {
  const named = names?.indexOf(text.toLowerCase()) ?? -1
  return named >= 0 ? named + first : parseNumber(text)
}

function parseNumber(text: string): number {
  if (!/^[-+]?\d+$/.test(text)) {
    throw new ScheduleError(
      `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    )
  }
  const number = Number(text)
  if (number < 0) throw new ScheduleError(`negative number (${number}) not allowed: ${text}`)
  return number
}
