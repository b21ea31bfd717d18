import { reportFrequency, updateFrequency } from '../node/node-reporter.ts'
import { resync } from '../pods/pod-worker.ts'
import { logLimits } from '../storage/log-rotation.ts'
import type { ServedNode } from './host.ts'

const seconds = (milliseconds: number): string => `${milliseconds / 1000}s`

/** /configz: what holds on these nodes, in the words of a kubelet's configuration. What has no say here is left out. */
export const configuration = (node: ServedNode | undefined): object => ({
  kind: 'KubeletConfiguration',
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  enableServer: true,
  authentication: { anonymous: { enabled: false }, webhook: { enabled: false } },
  ...(node?.staticPodPath ? { staticPodPath: node.staticPodPath } : {}),
  syncFrequency: seconds(resync),
  nodeStatusUpdateFrequency: seconds(updateFrequency),
  nodeStatusReportFrequency: seconds(reportFrequency),
  containerLogMaxSize: `${logLimits.maxBytes / 1024 / 1024}Mi`,
  containerLogMaxFiles: logLimits.maxFiles,
  containerLogMonitorInterval: seconds(logLimits.interval),
})
