import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs'
import { mkdir, writeFile, chmod } from 'node:fs/promises'
import { totalmem } from 'node:os'
import path from 'node:path'
import type { ContainerConfig, ImageStatus } from '../../runtime/api.ts'
import { containerResources } from '../core/resources.ts'
import type { NodeDirectories } from '../directories.ts'
import { ConfigError, containerEnvironment, type EnvironmentInput } from '../environment/environment.ts'
import { expand, lookupIn } from '../environment/expansion.ts'
import { uidOf, type Container, type Pod } from '../types.ts'
import { containerMounts, type VolumeOnHost } from '../volumes/mounts.ts'
import { oomScore } from './oom-score.ts'
import { securityOf } from './security.ts'

export interface ContainerConfigInput {
  image: ImageStatus
  attempt: number
  environment: EnvironmentInput
  /** By name. */
  volumes: ReadonlyMap<string, VolumeOnHost>
  /** Ids of images that are volumes, by the volume's name. */
  images: ReadonlyMap<string, string>
  /** See Runtime. */
  recursiveReadOnly: boolean
  directories: NodeDirectories
}

/** All that the runtime must know of one container. Throws ConfigError where the pod asks for what is not there. */
export async function containerConfig(
  pod: Pod,
  container: Container,
  input: ContainerConfigInput,
): Promise<{ config: ContainerConfig; skipped: string[] }> {
  const { attempt, directories } = input
  const { variables, skipped } = containerEnvironment(pod, container, {
    ...input.environment,
    file: (volume, file) => readInVolume(input.volumes, volume, file),
  })
  const values = new Map(variables.map(({ name, value }) => [name, value]))
  const expanded = (texts: readonly string[] | undefined) => texts?.map((text) => expand(text, lookupIn(values)))
  const [command, args] = [expanded(container.command), expanded(container.args)]
  const mounts = await containerMounts(container, input.volumes, values, input)
  const terminationPath = container.terminationMessagePath ?? '/dev/termination-log'
  if (terminationPath) {
    const hostPath = await makeTerminationLog(directories, pod, container, attempt)
    mounts.push({ hostPath, containerPath: terminationPath, readOnly: false })
  }
  const logPath = directories.containerLog(container.name, attempt)
  await mkdir(path.join(directories.podLogs(pod), path.dirname(logPath)), { recursive: true })
  return {
    skipped,
    config: {
      name: container.name,
      attempt,
      image: container.image ?? '',
      ...(command?.length ? { command } : {}),
      ...(args?.length ? { args } : {}),
      ...(container.workingDir ? { workingDir: container.workingDir } : {}),
      env: variables,
      mounts,
      tty: container.tty ?? false,
      stdin: container.stdin ?? false,
      stdinOnce: container.stdinOnce ?? false,
      logPath,
      ...securityOf(pod, container, input.image, directories.seccomp),
      resources: containerResources(container),
      oomScoreAdjust: oomScore(pod, container, totalmem()),
      labels: containerLabels(pod, container),
    },
  }
}

/** As much as a ConfigMap holds. */
const mostFileBytes = 1 << 20

function readInVolume(volumes: ContainerConfigInput['volumes'], name: string, file: string): string {
  const volume = volumes.get(name)
  if (!volume) throw new ConfigError(`cannot find the volume ${JSON.stringify(name)} referenced by FileKeyRef`)
  const root = realpathSync(volume.path)
  const found = realpathSync(path.join(root, file))
  if (!found.startsWith(root + path.sep)) throw new Error(`${file} leads out of the volume`)
  // The pod may put anything there: a pipe would hold up the agent.
  const descriptor = openSync(found, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW)
  try {
    const stat = fstatSync(descriptor)
    if (!stat.isFile() || stat.size > mostFileBytes) throw new Error(`${file} is no regular file of at most 1 MiB`)
    return readFileSync(descriptor, 'utf8')
  } finally {
    closeSync(descriptor)
  }
}

/** Every run has a file of its own, so that the message of a run is still there when the next has begun. */
async function makeTerminationLog(
  directories: NodeDirectories,
  pod: Pod,
  container: Container,
  attempt: number,
): Promise<string> {
  const file = directories.terminationLog(uidOf(pod), container.name, attempt)
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, '')
  await chmod(file, 0o666)
  return file
}

const containerLabels = (pod: Pod, container: Container): Record<string, string> => ({
  'io.kubernetes.container.name': container.name,
  'io.kubernetes.pod.name': pod.metadata?.name ?? '',
  'io.kubernetes.pod.namespace': pod.metadata?.namespace ?? '',
  'io.kubernetes.pod.uid': uidOf(pod),
})
