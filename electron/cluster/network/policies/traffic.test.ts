import { expect, it } from 'vitest'
import { everyAddress, subtracted, united } from './address-ranges.ts'
import { allPorts, holds, traffic, type PortTraffic } from './traffic.ts'

const tcp = (first: number, last: number, ports: { first: number; last: number }): PortTraffic => ({
  addresses: { first, last },
  protocol: 'TCP',
  ...ports,
})

it('joins ranges that touch, and takes holes out', () => {
  expect(
    united([
      { first: 5, last: 9 },
      { first: 1, last: 4 },
      { first: 7, last: 8 },
      { first: 20, last: 20 },
    ]),
  ).toEqual([
    { first: 1, last: 9 },
    { first: 20, last: 20 },
  ])
  expect(
    subtracted({ first: 1, last: 9 }, [
      { first: 0, last: 2 },
      { first: 5, last: 5 },
      { first: 9, last: 12 },
    ]),
  ).toEqual([
    { first: 3, last: 4 },
    { first: 6, last: 8 },
  ])
  expect(subtracted(everyAddress, [everyAddress])).toEqual([])
})

/** Every combination of a few small rules, checked against what the rules say one by one. */
it('keeps what rules allow, apart from one another', () => {
  const rules = [
    tcp(1, 6, { first: 80, last: 80 }),
    tcp(4, 9, { first: 79, last: 82 }),
    tcp(6, 6, allPorts),
    tcp(2, 3, { first: 82, last: 85 }),
  ]
  for (let chosen = 0; chosen < 2 ** rules.length; chosen++) {
    const some = rules.filter((_, i) => chosen & (1 << i))
    const { ports } = traffic([], some)
    for (let address = 0; address < 11; address++)
      for (const port of [0, 78, 79, 80, 81, 82, 83, 85, 86, 65_535]) {
        const within = (all: readonly PortTraffic[]) =>
          all.filter(
            ({ addresses, first, last }) =>
              addresses.first <= address && address <= addresses.last && first <= port && port <= last,
          ).length
        const wanted = within(some) > 0
        expect([chosen, address, port, within(ports)]).toEqual([chosen, address, port, wanted ? 1 : 0])
        expect(holds({ peers: [], ports }, address, 'TCP', port)).toBe(wanted)
        expect(holds({ peers: [], ports }, address, 'UDP', port)).toBe(false)
      }
  }
})
