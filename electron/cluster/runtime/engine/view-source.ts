import type { ContainerInspectInfo } from 'dockerode'
import type { ContainerStatus } from '../api.ts'
import type { Listed, SeenSandbox, ViewSource } from '../view.ts'
import { unlessGone, type EngineConnection } from './connection.ts'
import { kindLabel, nodeLabel, readContainer, readPod, sandboxLabel } from './labels.ts'
import type { ContainerLogs } from './logs.ts'
import type { PodFiles } from './pod-files.ts'

/** What a list tells of a container; `engineId` is the engine's own. */
export interface ListedContainer extends Listed {
  engineId: string
}

export interface EngineSourceDeps {
  connection: EngineConnection
  node: string
  files: Pick<PodFiles, 'addressOf' | 'startErrorOf'>
  logs: ContainerLogs
}

/** What the engine has of a node. A container that has ended is told of when all that it said is in its log. */
export function engineSource({
  connection: { engine },
  node,
  files,
  logs,
}: EngineSourceDeps): ViewSource<ListedContainer, ListedContainer> {
  const inspect = ({ engineId }: ListedContainer) => unlessGone(engine.getContainer(engineId).inspect())
  return {
    async list() {
      const all = await engine.listContainers({ all: true, filters: { label: [`${nodeLabel}=${node}`] } })
      const ofKind = (kind: 'sandbox' | 'container') => all.filter(({ Labels }) => Labels[kindLabel] === kind)
      return {
        sandboxes: ofKind('sandbox').map(({ Id, Labels, State }) => ({
          id: Labels[sandboxLabel]!,
          engineId: Id,
          state: State,
        })),
        containers: ofKind('container').map(({ Id, State }) => ({ id: Id, engineId: Id, state: State })),
      }
    },
    async sandbox(listed) {
      const found = await inspect(listed)
      return found && sandboxOf(found, files.addressOf(listed.id))
    },
    async container(listed) {
      const found = await inspect(listed)
      if (!found) return undefined
      const status = containerOf(found, files)
      if (status.startedAt) logs.follow({ id: status.id, logPath: status.logPath, tty: found.Config.Tty })
      if (status.state === 'exited') await logs.written(status.id)
      return status
    },
  }
}

function sandboxOf({ Config, State, Created }: ContainerInspectInfo, ip: string | undefined): SeenSandbox {
  const config = readPod(Config.Labels)
  const { name, namespace, uid, attempt, resources = {} } = config
  const isReady = State.Running && ip !== undefined
  return {
    config,
    pid: State.Running ? State.Pid : undefined,
    status: {
      id: Config.Labels[sandboxLabel]!,
      name,
      namespace,
      uid,
      attempt,
      state: isReady ? 'ready' : 'notready',
      ip: ip ?? '',
      createdAt: milliseconds(Created),
      resources,
    },
  }
}

const startErrorCode = 128
const killed = 137

function containerOf(
  { Id, Config, State, Created, Image }: ContainerInspectInfo,
  files: EngineSourceDeps['files'],
): ContainerStatus {
  const { name, attempt, image, imageRef, logPath, resources } = readContainer(Config.Labels)
  const sandboxId = Config.Labels[sandboxLabel] ?? ''
  const startedAt = milliseconds(State.StartedAt)
  const createdAt = milliseconds(Created)
  const common = {
    id: Id,
    sandboxId,
    name,
    attempt,
    image,
    imageId: Image,
    ...(imageRef === undefined ? {} : { imageRef }),
    // Podman rounds up.
    createdAt: startedAt ? Math.min(createdAt, startedAt) : createdAt,
    startedAt,
    logPath,
    resources,
  }
  const unended = { ...common, finishedAt: 0, exitCode: 0, reason: '', message: '' }
  if (State.Running) return { ...unended, state: 'running' }
  if (!startedAt) {
    const failure = files.startErrorOf(sandboxId, Id)
    if (!failure) return { ...unended, state: 'created' }
    const { message, at } = failure
    return { ...common, state: 'exited', finishedAt: at, exitCode: startErrorCode, reason: 'StartError', message }
  }
  const reason = State.OOMKilled && State.ExitCode === killed ? 'OOMKilled' : State.ExitCode ? 'Error' : 'Completed'
  const finishedAt = milliseconds(State.FinishedAt)
  return { ...common, state: 'exited', finishedAt, exitCode: State.ExitCode, reason, message: State.Error }
}

/** 0 for what has not happened, which engines give the year 1. */
const milliseconds = (time: string): number => Math.max(0, Date.parse(time) || 0)
