import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { ContainerCreateOptions, HostConfig } from 'dockerode'
import type { ContainerConfig, ImageStatus, Mount, SandboxConfig } from '../api.ts'
import { containerLabel, kindLabel, nodeLabel, sandboxLabel, type ContainerRecord } from './labels.ts'
import { digestOf } from './images.ts'
import { limitsOf } from './resources.ts'
import { sandboxName } from './sandbox-request.ts'

export interface ContainerPlace {
  node: string
  /** Told from all others in the engine. */
  name: string
  sandboxId: string
  sandbox: SandboxConfig
  image: ImageStatus
  /** On the host: the files of /etc by their names. */
  etc: Readonly<Record<string, string>>
  cgroupParent: string | undefined
  leastOomScore: number
  /** It gives containers that share a network a host name of their own. */
  isPodman: boolean
}

/** So many processes and threads may a container have, where nothing holds its pod to that. */
const containerProcesses = 4096

/** As the engine keeps a container's log for us: enough for an agent that is away. */
const logConfig = { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '2' } }

/** As the kubelet asks for a container. Throws with what no engine can do. */
export function containerRequest(config: ContainerConfig, place: ContainerPlace): ContainerCreateOptions {
  const { image, sandbox, sandboxId, cgroupParent } = place
  const { resources = {}, stdin, tty } = config
  const imageRef = digestOf(image, config.image)
  const record: ContainerRecord = {
    name: config.name,
    attempt: config.attempt,
    image: image.tags.includes(config.image) ? config.image : (image.tags[0] ?? config.image),
    ...(imageRef === undefined ? {} : { imageRef }),
    logPath: path.join(sandbox.logDirectory, config.logPath),
    tty,
    resources,
  }
  const user = userOf(config, image)
  const holder = `container:${sandboxName(sandboxId)}`
  return {
    name: place.name,
    Image: image.id,
    ...(config.command?.length ? { Entrypoint: [...config.command] } : {}),
    ...(config.args?.length ? { Cmd: [...config.args] } : {}),
    ...(config.workingDir ? { WorkingDir: config.workingDir } : {}),
    ...(user === undefined ? {} : { User: user }),
    Env: environment(config, sandbox),
    Tty: tty,
    OpenStdin: stdin,
    StdinOnce: config.stdinOnce,
    Labels: {
      ...config.labels,
      [kindLabel]: 'container',
      [nodeLabel]: place.node,
      [sandboxLabel]: sandboxId,
      [containerLabel]: JSON.stringify(record),
    },
    // Whether an image's own check holds is nobody's concern: pods have probes.
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      NetworkMode: sandbox.hostNetwork ? 'host' : holder,
      IpcMode: sandbox.hostIpc ? 'host' : holder,
      PidMode: pidMode(config, sandbox, holder),
      ...(place.isPodman && !sandbox.hostNetwork ? { UTSMode: holder } : {}),
      Mounts: [...config.mounts, ...etcMounts(config, place.etc)].map(mountRequest),
      LogConfig: logConfig,
      ...limitsOf(resources),
      OomScoreAdj: Math.max(config.oomScoreAdjust ?? 0, place.leastOomScore),
      ...(cgroupParent === undefined ? { PidsLimit: containerProcesses } : { CgroupParent: cgroupParent }),
      ...security(config, place.isPodman),
    },
  }
}

function security(config: ContainerConfig, isPodman: boolean): HostConfig {
  const { privileged = false, capabilities, supplementalGroups = [] } = config
  return {
    Privileged: privileged,
    ReadonlyRootfs: config.readOnlyRootFilesystem ?? false,
    GroupAdd: supplementalGroups.map(String),
    ...(capabilities ? { CapAdd: [...capabilities.add], CapDrop: [...capabilities.drop] } : {}),
    SecurityOpt: [
      ...(config.noNewPrivileges ? ['no-new-privileges'] : []),
      ...(privileged ? [] : seccomp(config.seccomp, isPodman)),
    ],
    ...(config.unmaskedProc ? { MaskedPaths: [], ReadonlyPaths: [] } : {}),
  }
}

/** Docker takes the profile itself, Podman its path. */
function seccomp(profile: ContainerConfig['seccomp'], isPodman: boolean): string[] {
  if (profile === 'RuntimeDefault') return []
  if (!profile) return ['seccomp=unconfined']
  return [`seccomp=${isPodman ? profile.file : readFileSync(profile.file, 'utf8')}`]
}

/** A group may not be given without a user, so the image's is said too. */
function userOf({ runAsUser, runAsGroup }: ContainerConfig, image: ImageStatus): string | undefined {
  if (runAsUser === undefined && runAsGroup === undefined) return undefined
  const user = runAsUser ?? image.user ?? image.username ?? 0
  return runAsGroup === undefined ? String(user) : `${user}:${runAsGroup}`
}

/** Engines call a container that shares a network by its id. */
function environment({ env }: ContainerConfig, { hostname, hostNetwork }: SandboxConfig): string[] {
  const given = env.map(({ name, value }) => `${name}=${value}`)
  const isNamed = hostNetwork || env.some(({ name }) => name === 'HOSTNAME')
  return isNamed ? given : [`HOSTNAME=${hostname}`, ...given]
}

function pidMode({ targetContainerId }: ContainerConfig, { hostPid, sharePid }: SandboxConfig, holder: string): string {
  if (hostPid) return 'host'
  if (targetContainerId) return `container:${targetContainerId}`
  return sharePid ? holder : ''
}

const etcMounts = ({ mounts }: ContainerConfig, files: ContainerPlace['etc']): Mount[] =>
  Object.entries(files)
    .map(([name, hostPath]) => ({ hostPath, containerPath: `/etc/${name}`, readOnly: false }))
    .filter(({ containerPath }) => !mounts.some((mount) => mount.containerPath === containerPath))

const propagations = { HostToContainer: 'rslave', Bidirectional: 'rshared' } as const

function mountRequest({ hostPath, containerPath, readOnly, propagation, image }: Mount) {
  if (image) throw new Error(`volume at ${containerPath} is an image, which engines cannot mount`)
  return {
    Type: 'bind' as const,
    Source: hostPath,
    Target: containerPath,
    ReadOnly: readOnly,
    BindOptions: { Propagation: propagation ? propagations[propagation] : ('rprivate' as const) },
  }
}
