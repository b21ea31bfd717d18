/** The defaults of kube-controller-manager's --horizontal-pod-autoscaler-… flags, times in milliseconds. */
export const syncPeriod = 15_000
export const downscaleStabilisation = 300_000
export const tolerance = 0.1
/** After its start a pod's CPU usage counts only once it is ready and was so for a whole window of measuring. */
export const cpuInitializationPeriod = 300_000
/** A pod whose readiness changed no later than this after its start has never been ready. */
export const initialReadinessDelay = 30_000
