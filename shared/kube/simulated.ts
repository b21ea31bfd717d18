import type { Frozen, KubeObject } from './object.ts'

/** On nodes that exist in the API only: a label, and the key of their taint. */
export const simulatedLabel = 'wheelhouse.dev/simulated'

export const isSimulated = ({ metadata }: Frozen<KubeObject>): boolean => metadata?.labels?.[simulatedLabel] === 'true'
