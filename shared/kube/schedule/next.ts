import type { Schedule } from './parse.ts'
import { instantOf, localTime, type LocalTime, type Zone } from './zone.ts'

type Fixed = Exclude<Schedule, { every: number }>

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/** A schedule that never comes is looked for so many years ahead. */
const horizon = 5

/** The first time of the schedule after `after` (milliseconds); undefined when there is none within five years. */
export function nextTime(schedule: Schedule, after: number, zone: Zone): number | undefined {
  const started = Math.floor(after / second) * second
  return 'every' in schedule ? started + schedule.every : new Search(schedule, zone, started + second).run()
}

/**
 * Goes forward field by field, the largest first, until all allow the time. How it steps where days are not 24 hours
 * long is how SpecSchedule.Next of robfig/cron does: which jobs run on those days hangs on it.
 */
class Search {
  readonly #schedule: Fixed
  readonly #zone: Zone
  readonly #limit: number
  #t: number
  #local: LocalTime
  /** Nothing of the first time is left: smaller fields begin at their beginning. */
  #moved = false

  constructor(schedule: Fixed, zone: Zone, from: number) {
    this.#schedule = schedule
    this.#zone = zone
    this.#t = from
    this.#local = localTime(zone, from)
    this.#limit = this.#local.year + horizon
  }

  run(): number | undefined {
    while (this.#local.year <= this.#limit) {
      // A field that comes to its end changes the larger ones: they are looked at again.
      if (this.#months() && this.#days() && this.#hours() && this.#minutes() && this.#seconds()) return this.#t
    }
    return undefined
  }

  #months(): boolean {
    const { month } = this.#schedule
    while (!month.values.has(this.#local.month)) {
      this.#begin(({ year, month: current }) => instantOf(this.#zone, year, current, 1))
      this.#add(1, 0)
      if (this.#local.month === 1) return false
    }
    return true
  }

  #days(): boolean {
    while (!dayMatches(this.#schedule, this.#local)) {
      this.#begin(({ year, month, day }) => instantOf(this.#zone, year, month, day))
      this.#add(0, 1)
      const { hour: shown } = this.#local
      // There is no midnight on this day.
      if (shown !== 0) this.#go(this.#t + (shown > 12 ? 24 - shown : -shown) * hour)
      if (this.#local.day === 1) return false
    }
    return true
  }

  #hours(): boolean {
    while (!this.#schedule.hour.values.has(this.#local.hour)) {
      this.#begin(({ year, month, day, hour: shown }) => instantOf(this.#zone, year, month, day, shown))
      this.#go(this.#t + hour)
      if (this.#local.hour === 0) return false
    }
    return true
  }

  #minutes(): boolean {
    while (!this.#schedule.minute.values.has(this.#local.minute)) {
      this.#begin(() => Math.floor(this.#t / minute) * minute)
      this.#go(this.#t + minute)
      if (this.#local.minute === 0) return false
    }
    return true
  }

  /** Schedules begin with the minute. */
  #seconds(): boolean {
    if (this.#local.second === 0) return true
    this.#moved = true
    this.#go(this.#t + (60 - this.#local.second) * second)
    return false
  }

  #begin(start: (local: LocalTime) => number): void {
    if (this.#moved) return
    this.#moved = true
    this.#go(start(this.#local))
  }

  #add(months: number, days: number): void {
    const { year, month, day, hour: h, minute: m, second: s } = this.#local
    this.#go(instantOf(this.#zone, year, month + months, day + days, h, m, s))
  }

  #go(t: number): void {
    this.#t = t
    this.#local = localTime(this.#zone, t)
  }
}

/** When both kinds of days are spelt out, either will do. */
function dayMatches({ dayOfMonth, dayOfWeek }: Fixed, { day, weekday }: LocalTime): boolean {
  const byDate = dayOfMonth.values.has(day)
  const byWeekday = dayOfWeek.values.has(weekday)
  return dayOfMonth.star || dayOfWeek.star ? byDate && byWeekday : byDate || byWeekday
}
