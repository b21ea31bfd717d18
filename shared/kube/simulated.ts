import type { Frozen, KubeObject } from './object.ts'

/** On nodes that exist in the API only: a label, and the key of their taint. */
export const simulatedLabel = 'wheelhouse.dev/simulated'

/** The driver of devices that exist in the API only, and the name of their class. */
export const simulatedDriver = 'devices.wheelhouse.dev'

export const isSimulated = ({ metadata }: Frozen<KubeObject>): boolean => metadata?.labels?.[simulatedLabel] === 'true'
