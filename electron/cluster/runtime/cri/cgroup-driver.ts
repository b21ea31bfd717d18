import { isUnimplemented, type CriConnection } from './connection.ts'
import { cgroupfsDriver } from './messages.ts'

/** Of containerd before 2.0, which does not tell its driver otherwise. */
interface Configuration {
  systemdCgroup?: boolean
  containerd?: {
    defaultRuntimeName?: string
    runtimes?: Record<string, { options?: { SystemdCgroup?: boolean } | null }>
  }
}

/** Whether the runtime makes control groups itself, below any parent; else it leaves them to systemd. */
export async function usesCgroupfs(cri: CriConnection): Promise<boolean> {
  try {
    return (await cri.call('RuntimeConfig', {})).linux?.cgroup_driver === cgroupfsDriver
  } catch (error) {
    if (!isUnimplemented(error)) throw error
  }
  const { info } = await cri.call('Status', { verbose: true })
  const { systemdCgroup, containerd } = JSON.parse(info['config'] ?? '{"systemdCgroup":true}') as Configuration
  const options = containerd?.runtimes?.[containerd.defaultRuntimeName ?? '']?.options
  return !systemdCgroup && !options?.SystemdCgroup
}
