import { messagePort, type MessagePortLike } from './channel/message-port.ts'
import { defaultKubeconfigFiles } from './connections/kubeconfigs.ts'
import { userDataDirectory } from '../cluster/options.ts'
import { installationPaths } from '../cluster/paths.ts'
import { createWorkbench } from './workbench.ts'
import path from 'node:path'

/** What Electron gives a utility process; named here so that the workbench never imports Electron. */
interface ParentPort {
  on(
    event: 'message',
    listener: (event: { data: { type: 'connect' | 'stop' }; ports: MessagePortLike[] }) => void,
  ): void
}

const { parentPort } = process as unknown as { parentPort?: ParentPort }
if (!parentPort) throw new Error('This is the workbench of the Electron app; without Electron, use wheelhouse serve.')

const paths = installationPaths()
const workbench = createWorkbench({
  host: 'electron',
  version: __WHEELHOUSE_VERSION__,
  userDirectory: userDataDirectory(),
  clusterDirectory: path.join(userDataDirectory(), 'cluster'),
  kubeconfigFiles: defaultKubeconfigFiles(),
  ...paths,
})
workbench.supervisor.start()

parentPort.on('message', ({ data, ports }) => {
  if (data.type === 'connect') for (const port of ports) workbench.attach(messagePort(port))
  else void stop()
})

async function stop(): Promise<void> {
  try {
    await workbench[Symbol.asyncDispose]()
  } finally {
    process.exit(0)
  }
}
