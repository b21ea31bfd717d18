import type { Clock } from '../../base/clock.ts'
import type { Logger } from '../../base/logger.ts'
import type { ImageStatus, Runtime, SandboxStatus } from '../../runtime/api.ts'
import { abortable } from '../abortable.ts'
import type { NodeDirectories } from '../directories.ts'
import { ConfigError, type EnvironmentInput } from '../environment/environment.ts'
import type { ImageManager } from '../images/image-manager.ts'
import type { PodEvents } from '../pods/pod-events.ts'
import { volumesOf, type Container, type EphemeralContainer, type Pod, type PodRuntime, type Volume } from '../types.ts'
import type { VolumeOnHost } from '../volumes/mounts.ts'
import { nextAttempt } from './attempt.ts'
import { containerConfig } from './container-config.ts'
import { runHook } from './hooks.ts'
import { graceOf, killContainer } from './kill-container.ts'
import { StartError } from './start-error.ts'

export interface StartDeps {
  runtime: Runtime
  clock: Clock
  logger: Logger
  events: PodEvents
  images: ImageManager
  directories: NodeDirectories
  hostIp(): string
  /** What the container's environment is made of, read for this pod. */
  environment(pod: Pod, container: Container, podIp: string): Promise<EnvironmentInput>
}

export interface StartInput {
  pod: Pod
  container: Container
  sandbox: SandboxStatus
  runtime: PodRuntime
  volumes: ReadonlyMap<string, VolumeOnHost>
  signal: AbortSignal
}

/** A hook has no time limit of its own upstream. */
const postStartLimit = 3_600_000

/** Image, container, process, postStart hook. Rejects with StartError, having told of it in an event. */
export async function startContainer(deps: StartDeps, input: StartInput): Promise<void> {
  const { runtime, events, images } = deps
  const { pod, container, sandbox, signal } = input
  const { name } = container
  const fail = (reason: string, error: unknown, shown = (error as Error).message): never => {
    events.container(pod, name, 'Warning', 'Failed', `Error: ${shown}`)
    throw new StartError(reason, (error as Error).message, { cause: error })
  }

  const ensure = (wanted: Container) =>
    images.ensure(pod, wanted, signal).catch((error: unknown) => {
      if (!(error instanceof StartError)) throw error
      events.container(pod, name, 'Warning', 'Failed', `Error: ${error.reason}`)
      throw error
    })
  const image = await ensure(container)
  const mounted = new Map<string, string>()
  for (const { name: volume, image: source } of imageVolumes(pod, container)) {
    const { reference = '', pullPolicy } = source!
    const found = await ensure({
      ...container,
      image: reference,
      ...(pullPolicy ? { imagePullPolicy: pullPolicy } : {}),
    })
    mounted.set(volume, found.id)
  }
  const { config, skipped } = await configure(deps, input, image, mounted).catch((error: unknown) => {
    if (error instanceof ConfigError) return fail('CreateContainerConfigError', error)
    throw error
  })
  for (const message of skipped) events.pod(pod, 'Warning', 'InvalidEnvironmentVariableNames', message)
  signal.throwIfAborted()
  const id = await runtime
    .createContainer(sandbox.id, config)
    .catch((error: unknown) => fail('CreateContainerError', error))
  events.container(pod, name, 'Normal', 'Created', 'Container created')
  await runtime.startContainer(id).catch((error: unknown) => fail('RunContainerError', error))
  events.container(pod, name, 'Normal', 'Started', 'Container started')

  const hook = container.lifecycle?.postStart
  if (!hook) return
  const target = { container, containerId: id, sandboxId: sandbox.id, podIp: sandbox.ip }
  await abortable(runHook(deps, hook, target, postStartLimit), signal).catch(async (error: Error) => {
    signal.throwIfAborted()
    // What a hook says may be a secret: it stays in the log.
    deps.logger.warn('postStart hook failed', { container: name, error: error.message })
    events.container(pod, name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed')
    const instance = await runtime.containerStatus(id)
    const [message, grace] = ['FailedPostStartHook', graceOf(pod, name, 'other')]
    if (instance) await killContainer(deps, { pod, instance, podIp: sandbox.ip, grace, message })
    throw new StartError('PostStartHookError', 'PostStartHook failed')
  })
}

/** Volumes of the pod that are images, as far as this container mounts them. */
const imageVolumes = (pod: Pod, { volumeMounts = [] }: Container): readonly Volume[] =>
  volumesOf(pod).filter(({ name, image }) => image && volumeMounts.some((mount) => mount.name === name))

async function configure(deps: StartDeps, input: StartInput, image: ImageStatus, images: ReadonlyMap<string, string>) {
  const { pod, container, sandbox, runtime, volumes } = input
  const attempt = await nextAttempt(pod, container.name, runtime, deps.directories)
  const environment = await deps.environment(pod, container, sandbox.ip)
  const { directories } = deps
  const { config, skipped } = await containerConfig(pod, container, {
    image,
    attempt,
    environment,
    volumes,
    images,
    recursiveReadOnly: deps.runtime.recursiveReadOnly ?? false,
    directories,
  })
  const targetContainerId = targetOf(container, runtime)
  return { skipped, config: targetContainerId ? { ...config, targetContainerId } : config }
}

/** Whose processes an ephemeral container is to see. */
function targetOf({ targetContainerName: name }: EphemeralContainer, runtime: PodRuntime): string | undefined {
  if (!name) return undefined
  const target = runtime.containers.find((container) => container.name === name && container.state === 'running')
  if (target) return target.id
  throw new ConfigError(`unable to find target container ${JSON.stringify(name)}`)
}
