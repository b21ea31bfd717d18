import { networkInterfaces } from 'node:os'
import { formatRange, overlaps, parseRange, rangeSize, type Range } from './cidr.ts'
import { command } from './commands.ts'
import { bridgeName, networkHash } from './names.ts'

/** Where pod ranges are looked for, best known first: 10.244.0.0/16 is what most clusters use. */
const candidates = ['10.244.0.0/14', '10.128.0.0/10', '172.24.0.0/13', '100.64.0.0/10']

/** A range for a cluster's pods that no route, interface or `taken` range of this machine overlaps. */
export async function pickFreePodRange(options: { prefix?: number; taken?: readonly string[] } = {}): Promise<string> {
  const { prefix = 16, taken = [] } = options
  const used = [...(await usedRanges()).map(({ range }) => range), ...taken.map(parseRange)]
  for (const candidate of candidates.map(parseRange)) {
    for (let base = candidate.base; base < candidate.base + rangeSize(candidate); base += 2 ** (32 - prefix)) {
      const range = { base, prefix }
      if (!used.some((other) => overlaps(range, other))) return formatRange(range)
    }
  }
  throw new Error('no private address range is free on this machine for pods')
}

/** Whether nothing of this machine uses a part of the range but the bridges of these nodes, left over from before. */
export async function isFreeFor(range: string, clusterIds: readonly string[]): Promise<boolean> {
  const wanted = parseRange(range)
  const used = await usedRanges()
  const own = new Set([...clusterIds.map((id) => bridgeName(networkHash(id))), ...podLinks(wanted, used)])
  return used.every(({ device, range: other }) => own.has(device) || !overlaps(wanted, other))
}

/** Throws when something of this machine other than `device` uses a part of the range. */
export async function checkFree(range: Range, device: string): Promise<void> {
  const used = await usedRanges()
  const own = new Set([device, ...podLinks(range, used)])
  const clash = used.find((each) => !own.has(each.device) && overlaps(range, each.range))
  if (clash)
    throw new Error(
      `the pod range ${formatRange(range)} overlaps ${formatRange(clash.range)} of this machine's interface ${clash.device}`,
    )
}

/** The host's ends of pods that a container runtime has given an address of the range: they carry its gateway's. */
const podLinks = (range: Range, used: readonly UsedRange[]): string[] =>
  used
    .filter(({ device, range: { base, prefix } }) => device.startsWith('veth') && prefix === 32 && base % 256 === 1)
    .filter((link) => overlaps(range, link.range))
    .map(({ device }) => device)

interface UsedRange {
  range: Range
  device: string
}

async function usedRanges(): Promise<UsedRange[]> {
  const interfaces = Object.entries(networkInterfaces()).flatMap(([device, addresses = []]) =>
    addresses.flatMap(({ family, cidr }) => (family === 'IPv4' && cidr ? [{ range: parseRange(cidr), device }] : [])),
  )
  if (process.platform !== 'linux') return interfaces
  const routes = JSON.parse(await command('ip', '-json', '-4', 'route', 'show', 'table', 'all').catch(() => '[]')) as {
    dst: string
    dev?: string
  }[]
  return [
    ...interfaces,
    ...routes.flatMap(({ dst, dev = '' }) => (/^\d/.test(dst) ? [{ range: parseRange(dst), device: dev }] : [])),
  ]
}
