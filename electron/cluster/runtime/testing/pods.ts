import { readFileSync } from 'node:fs'
import path from 'node:path'
import { systemRandom } from '../../base/random.ts'
import type { ContainerConfig, Runtime, SandboxConfig } from '../api.ts'

/** Pods and containers of a real runtime, for tests. */
export interface TestPods {
  readonly runtime: Runtime
  /** What containers run unless told otherwise: a shell with the usual tools. */
  readonly image: string
  sandbox(changes?: Partial<SandboxConfig>): Promise<string>
  container(changes?: Partial<ContainerConfig>): ContainerConfig
  /** A started container; `script` goes to its `sh -c`. */
  shell(sandboxId: string, script: string, changes?: Partial<ContainerConfig>): Promise<string>
  exited(containerId: string): Promise<void>
  /** Lines of a container's log. */
  log(containerId: string): Promise<{ at: string; stream: string; tag: string; text: string }[]>
}

export function testPods(runtime: () => Runtime, image: string, directory: string): TestPods {
  let names = 0
  const pods: TestPods = {
    get runtime() {
      return runtime()
    },
    image,
    sandbox: (changes = {}) =>
      runtime().runSandbox({
        name: `pod-${++names}`,
        namespace: 'default',
        uid: systemRandom.uuid(),
        attempt: 0,
        hostname: `pod-${names}`,
        labels: {},
        logDirectory: path.join(directory, 'logs', `pod-${names}`),
        dns: { servers: [], searches: [], options: [] },
        hostAliases: [],
        hostNetwork: false,
        sharePid: false,
        portMappings: [],
        ...changes,
      }),
    container: (changes = {}) => ({
      name: 'main',
      attempt: 0,
      image,
      env: [],
      mounts: [],
      tty: false,
      stdin: false,
      stdinOnce: false,
      logPath: `main-${++names}/0.log`,
      labels: {},
      ...changes,
    }),
    async shell(sandboxId, script, changes = {}) {
      const config = pods.container({ command: ['sh', '-c', script], ...changes })
      const id = await runtime().createContainer(sandboxId, config)
      await runtime().startContainer(id)
      return id
    },
    async exited(containerId) {
      const stop = new AbortController()
      const events = runtime().events(stop.signal)
      const ended = async () => (await runtime().containerStatus(containerId))?.state === 'exited'
      if (!(await ended()))
        for await (const event of events) if (event.containerId === containerId && (await ended())) break
      stop.abort()
    },
    async log(containerId) {
      const file = (await runtime().containerStatus(containerId))!.logPath
      const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
      return lines.map((line) => {
        const [, at = '', stream = '', tag = '', text = ''] = /^(\S+) (stdout|stderr) ([FP]) (.*)$/s.exec(line) ?? []
        return { at, stream, tag, text }
      })
    },
  }
  return pods
}
