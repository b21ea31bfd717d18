import { userDataDirectory } from '../cluster/options.ts'
import { installationPaths } from '../cluster/paths.ts'
import { defaultKubeconfigFiles } from '../workbench/connections/kubeconfigs.ts'
import { startServeHost } from '../workbench/serve/serve-host.ts'
import { createWorkbench } from '../workbench/workbench.ts'
import type { ServeOptions } from './arguments.ts'

/** Serves the UI and starts the built-in cluster behind it. The address is ready before the cluster is. */
export async function serve(options: ServeOptions): Promise<{ address: string; stop(): Promise<void> }> {
  const paths = installationPaths()
  const workbench = createWorkbench({
    host: 'serve',
    version: __WHEELHOUSE_VERSION__,
    userDirectory: userDataDirectory(),
    clusterDirectory: options.cluster.dataDirectory,
    kubeconfigFiles: options.contexts ?? defaultKubeconfigFiles(),
    ...paths,
  })
  const host = await startServeHost({
    host: options.host,
    port: options.port,
    root: paths.rendererDirectory,
    onPort: (port) => workbench.attach(port),
  })
  workbench.supervisor.start()
  return {
    address: host.address,
    async stop() {
      await Promise.all([host[Symbol.asyncDispose](), workbench[Symbol.asyncDispose]()])
    },
  }
}
