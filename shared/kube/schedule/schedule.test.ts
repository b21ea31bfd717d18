import { expect, it } from 'vitest'
import { nextTime } from './next.ts'
import { parseSchedule } from './parse.ts'
import { formatIn, zoneNamed } from './zone.ts'

/** The next times after `from`, as clocks in the zone show them. */
function times(schedule: string, from: string, zone = 'UTC', count = 1): (string | undefined)[] {
  const where = zoneNamed(zone)!
  const found: (string | undefined)[] = []
  for (let t: number | undefined = Date.parse(from); t !== undefined && found.length < count;) {
    t = nextTime(parseSchedule(schedule), t, where)
    found.push(t === undefined ? undefined : formatIn(where, t))
  }
  return found
}

it.each([
  ['*/15 * * * *', '2026-07-09T14:45:00Z', '2026-07-09T15:00:00Z'],
  ['*/15 * * * *', '2026-07-09T14:59:59.500Z', '2026-07-09T15:00:00Z'],
  ['20-35/15 * * * *', '2026-07-09T14:46:00Z', '2026-07-09T15:20:00Z'],
  ['5 */2 * * *', '2026-07-09T14:46:00Z', '2026-07-09T16:05:00Z'],
  ['0 0 */14 * *', '2026-07-09T23:59:30Z', '2026-07-15T00:00:00Z'],
  ['0 0 * Feb Mon', '2026-07-09T23:35:00Z', '2027-02-01T00:00:00Z'],
  ['0 0 * Feb Mon/2', '2026-07-09T23:35:00Z', '2027-02-01T00:00:00Z'],
  ['0 0 29 Feb ?', '2026-07-09T23:35:00Z', '2028-02-29T00:00:00Z'],
  ['30 8 * * mon-fri', '2026-07-10T09:00:00Z', '2026-07-13T08:30:00Z'],
  ['0 22 * * 6,0', '2026-07-10T09:00:00Z', '2026-07-11T22:00:00Z'],
  ['10/20 * * * *', '2026-07-10T09:31:00Z', '2026-07-10T09:50:00Z'],
  ['@hourly', '2026-07-10T09:00:00Z', '2026-07-10T10:00:00Z'],
  ['@daily', '2026-07-10T09:00:00Z', '2026-07-11T00:00:00Z'],
  ['@weekly', '2026-07-10T09:00:00Z', '2026-07-12T00:00:00Z'],
  ['@monthly', '2026-07-10T09:00:00Z', '2026-08-01T00:00:00Z'],
  ['@yearly', '2026-07-10T09:00:00Z', '2027-01-01T00:00:00Z'],
  ['@every 1h30m', '2026-07-10T09:00:00.250Z', '2026-07-10T10:30:00Z'],
])('%s after %s comes at %s', (schedule, from, expected) => {
  expect(times(schedule, from)).toEqual([expected])
})

it.each([
  // Both spelt out: either day will do.
  ['0 0 14 * 5', ['2026-03-06', '2026-03-13', '2026-03-14', '2026-03-20']],
  // A star, or a question mark, restricts nothing.
  ['0 0 * * 5', ['2026-03-06', '2026-03-13', '2026-03-20', '2026-03-27']],
  ['0 0 13 * ?', ['2026-03-13', '2026-04-13', '2026-05-13', '2026-06-13']],
  // A star with a step is spelt out.
  ['0 0 */10 * 1', ['2026-03-02', '2026-03-09', '2026-03-11', '2026-03-16']],
])('%s comes on the days that it names', (schedule, days) => {
  expect(times(schedule, '2026-03-01T00:00:00Z', 'UTC', 4).map((text) => text?.slice(0, 10))).toEqual(days)
})

it('a date that does not exist never comes', () => {
  expect(times('59 23 31 2 *', '2026-01-01T00:00:00Z')).toEqual([undefined])
})

it.each([
  [
    'every hour in summer and in winter',
    '0 * * * *',
    '2012-03-11T00:30:00-05:00',
    ['01:00:00-05:00', '03:00:00-04:00', '04:00:00-04:00'],
  ],
  [
    'nothing in the hour that is left out',
    '30 2 * * *',
    '2012-03-11T00:00:00-05:00',
    ['02:30:00-04:00', '02:30:00-04:00'],
  ],
  ['an hour later on the same day', '0 3 * * *', '2012-03-11T00:00:00-05:00', ['03:00:00-04:00', '03:00:00-04:00']],
  [
    'both of the hours that are called one',
    '0 * * * *',
    '2012-11-04T00:30:00-04:00',
    ['01:00:00-04:00', '01:00:00-05:00', '02:00:00-05:00'],
  ],
  [
    'twice what names the hour that comes twice',
    '30 1 * * *',
    '2012-11-04T00:00:00-04:00',
    ['01:30:00-04:00', '01:30:00-05:00', '01:30:00-05:00'],
  ],
  ['once what names the hour after it', '0 2 * * *', '2012-11-04T00:00:00-04:00', ['02:00:00-05:00', '02:00:00-05:00']],
])('when New York changes its clocks: %s', (_, schedule, from, expected) => {
  expect(times(schedule, from, 'America/New_York', expected.length).map((text) => text?.slice(11))).toEqual(expected)
})

it('finds the day that has no midnight', () => {
  expect(times('0 0 * * *', '2018-11-03T12:00:00-03:00', 'America/Sao_Paulo', 1)).toEqual(['2018-11-05T00:00:00-02:00'])
  expect(times('0 9 4 11 *', '2018-11-03T12:00:00-03:00', 'America/Sao_Paulo')).toEqual(['2018-11-04T09:00:00-02:00'])
})

it('reads times of day in the zone, halves of hours included', () => {
  expect(times('0 9 * * *', '2026-06-01T00:00:00Z', 'Asia/Kolkata')).toEqual(['2026-06-01T09:00:00+05:30'])
  expect(times('0 9 * * *', '2026-06-01T00:00:00Z', 'Europe/Berlin')).toEqual(['2026-06-01T09:00:00+02:00'])
  expect(zoneNamed('Mars/Olympus')).toBeUndefined()
  expect(zoneNamed('+01:00')).toBeUndefined()
})
