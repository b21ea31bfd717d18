import { createHash } from 'node:crypto'

/**
 * Deals each flow a hand of queues: two flows share all of theirs hardly ever, so that a flood fills a few queues and
 * leaves others a way around. Source: apiserver/pkg/util/shufflesharding.
 */
export function dealHand(flow: string, queues: number, size: number): number[] {
  const digest = createHash('sha256').update(flow).digest()
  // 48 bits are exact in a number; enough for any hand that validation lets through in practice.
  let entropy = digest.readUIntLE(0, 6)
  const dealt: number[] = []
  for (let left = queues; dealt.length < size; left--) {
    let card = entropy % left
    entropy = Math.floor(entropy / left)
    for (const other of [...dealt].sort((a, b) => a - b)) if (card >= other) card++
    dealt.push(card)
  }
  return dealt
}
