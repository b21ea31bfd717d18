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
  const own = new Set(clusterIds.map((id) => bridgeName(networkHash(id))))
  return (await usedRanges()).every((used) => own.has(used.device) || !overlaps(wanted, used.range))
}

/** Throws when something of this machine other than `device` uses a part of the range. */
export async function checkFree(range: Range, device: string): Promise<void> {
  const clash = (await usedRanges()).find((used) => used.device !== device && overlaps(range, used.range))
  if (clash)
    throw new Error(
      `the pod range ${formatRange(range)} overlaps ${formatRange(clash.range)} of this machine's interface ${clash.device}`,
    )
}

async function usedRanges(): Promise<{ range: Range; device: string }[]> {
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
