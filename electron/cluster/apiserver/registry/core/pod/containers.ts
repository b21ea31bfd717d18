import type { FieldError } from '#shared/kube/status.ts'
import {
  asInvalid,
  duplicate,
  forbidden,
  invalid,
  notFound,
  notSupported,
  required,
  tooMany,
} from '../../validation/field.ts'
import { isDnsLabel, isPortName } from '../../validation/names.ts'
import { portNumber } from '../../validation/numbers.ts'
import { descendingPath, withoutBacksteps } from '../../validation/paths.ts'
import { validateRequirements } from '../../validation/resources.ts'
import { validateEnv, validateEnvFrom } from './environment.ts'
import { validateProbes } from './probes.ts'
import { validateSecurityContext } from './security.ts'
import { isSidecar, type Container, type EphemeralContainer, type PodSpec, type Volume } from './types.ts'

export const protocols = ['SCTP', 'TCP', 'UDP']
const pullPolicies = ['Always', 'IfNotPresent', 'Never']
const restartPolicies = ['Always', 'Never', 'OnFailure']

/** What the containers of one pod are checked against. */
export interface Surroundings {
  readonly volumes: ReadonlyMap<string, Volume>
  readonly claims: ReadonlySet<string>
  readonly grace: number | undefined
  readonly podRestartPolicy: string
  readonly hostUsers: boolean
  /** What is stored, where something is; what an older rule let in stays. */
  readonly old: PodSpec | undefined
}

export function validateContainers(spec: PodSpec, around: Surroundings, path: string): FieldError[] {
  const containers = spec.containers ?? []
  if (!containers.length) return [required(path)]
  const errors: FieldError[] = []
  const names = new Set<string>()
  for (const [i, container] of containers.entries()) {
    const at = `${path}[${i}]`
    errors.push(...validateCommon(container, around, at))
    const name = container.name ?? ''
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
    names.add(name)
    errors.push(...validateProbes(container, around.grace, at))
    errors.push(...validateRestart(container, at))
  }
  errors.push(...validateHostPorts(containers, path))
  return errors
}

export function validateInitContainers(spec: PodSpec, around: Surroundings, path: string): FieldError[] {
  const errors: FieldError[] = []
  const names = new Set((spec.containers ?? []).map((container) => container.name ?? ''))
  for (const [i, container] of (spec.initContainers ?? []).entries()) {
    const at = `${path}[${i}]`
    errors.push(...validateCommon(container, around, at), ...validateRestart(container, at))
    const name = container.name ?? ''
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
    else if (name) names.add(name)
    errors.push(...validateHostPorts([container], path))
    if (isSidecar(container)) errors.push(...validateProbes(container, around.grace, at))
    else {
      errors.push(...validateResizeOfInit(container, around.old, at))
      for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
        if (container[field])
          errors.push(forbidden(`${at}.${field}`, 'may not be set for init containers without restartPolicy=Always'))
      }
    }
  }
  return errors
}

/** What runs once is not started again for the sake of its size. */
function validateResizeOfInit(container: Container, old: PodSpec | undefined, at: string): FieldError[] {
  const restarts = ({ resizePolicy = [] }: Container) =>
    resizePolicy.some(({ restartPolicy }) => restartPolicy === 'RestartContainer')
  if (old?.initContainers?.some((before) => !isSidecar(before) && restarts(before))) return []
  return (container.resizePolicy ?? []).flatMap(({ restartPolicy }, i) =>
    restartPolicy === 'RestartContainer'
      ? [
          invalid(
            `${at}.resizePolicy[${i}].restartPolicy`,
            restartPolicy,
            "must not be set to 'RestartContainer' for non-sidecar initContainers",
          ),
        ]
      : [],
  )
}

const ephemeralFields = new Set([
  'name',
  'image',
  'command',
  'args',
  'workingDir',
  'envFrom',
  'env',
  'volumeMounts',
  'volumeDevices',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'imagePullPolicy',
  'securityContext',
  'stdin',
  'stdinOnce',
  'tty',
  'targetContainerName',
])

export function validateEphemeralContainers(spec: PodSpec, around: Surroundings, path: string): FieldError[] {
  const errors: FieldError[] = []
  const others = new Set(
    [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((container) => container.name ?? ''),
  )
  const names = new Set(others)
  for (const [i, ephemeral] of (spec.ephemeralContainers ?? []).entries()) {
    const at = `${path}[${i}]`
    const container = ephemeral as Container
    errors.push(...validateCommon(container, around, at), ...validateImageOfPod(container, at))
    const name = ephemeral.name ?? ''
    if (names.has(name)) errors.push(duplicate(`${at}.name`, name))
    names.add(name)
    const target = ephemeral.targetContainerName
    if (target && !others.has(target)) errors.push(notFound(`${at}.targetContainerName`, target))
    errors.push(...validateEphemeralFields(ephemeral, at))
  }
  return errors
}

function validateEphemeralFields(ephemeral: EphemeralContainer, at: string): FieldError[] {
  const refused = 'cannot be set for an Ephemeral Container'
  const errors: FieldError[] = []
  for (const [field, value] of Object.entries(ephemeral)) {
    const empty = value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)
    if (!ephemeralFields.has(field) && !empty) errors.push(forbidden(`${at}.${field}`, refused))
  }
  for (const [i, mount] of (ephemeral.volumeMounts ?? []).entries()) {
    if (mount.subPath) errors.push(forbidden(`${at}.volumeMounts[${i}].subPath`, refused))
    if (mount.subPathExpr) errors.push(forbidden(`${at}.volumeMounts[${i}].subPathExpr`, refused))
  }
  return errors
}

/** Stricter for pods than for templates, in which blanks around an image's name have always been let through. */
export function validateImageOfPod(container: Container, at: string): FieldError[] {
  const image = container.image ?? ''
  return image.length === image.trim().length
    ? []
    : [invalid(`${at}.image`, image, 'must not have leading or trailing whitespace')]
}

function validateCommon(container: Container, around: Surroundings, at: string): FieldError[] {
  const errors: FieldError[] = []
  errors.push(
    ...(container.name
      ? asInvalid(`${at}.name`, container.name, isDnsLabel(container.name))
      : [required(`${at}.name`)]),
  )
  if (!container.image) errors.push(required(`${at}.image`))
  errors.push(
    ...oneOf(container.terminationMessagePolicy, ['File', 'FallbackToLogsOnError'], `${at}.terminationMessagePolicy`),
  )
  errors.push(...validatePorts(container, `${at}.ports`))
  errors.push(...validateEnv(container.env, `${at}.env`), ...validateEnvFrom(container.envFrom, `${at}.envFrom`))
  errors.push(...validateMounts(container, around.volumes, `${at}.volumeMounts`))
  errors.push(...validateDevices(container, around.volumes, `${at}.volumeDevices`))
  errors.push(...oneOf(container.imagePullPolicy, pullPolicies, `${at}.imagePullPolicy`))
  errors.push(...validateRequirements(container.resources, around.claims, `${at}.resources`))
  errors.push(...validateResizePolicy(container, around.podRestartPolicy, `${at}.resizePolicy`))
  errors.push(...validateSecurityContext(container.securityContext, around.hostUsers, `${at}.securityContext`))
  return errors
}

/** Required, and one of the given words. */
export function oneOf(value: string | undefined, values: readonly string[], path: string): FieldError[] {
  if (!value) return [required(path)]
  return values.includes(value) ? [] : [notSupported(path, value, values)]
}

function validateRestart(container: Container, at: string): FieldError[] {
  const { restartPolicy, restartPolicyRules } = container
  const errors: FieldError[] = []
  if (restartPolicy !== undefined && !restartPolicies.includes(restartPolicy)) {
    errors.push(notSupported(`${at}.restartPolicy`, restartPolicy, restartPolicies))
  }
  if (!restartPolicyRules?.length) return errors
  if (restartPolicy === undefined)
    errors.push(required(`${at}.restartPolicy`, 'must specify restartPolicy when restart rules are used'))
  if (restartPolicyRules.length > 20) errors.push(tooMany(`${at}.restartPolicyRules`, restartPolicyRules.length, 20))
  for (const [i, rule] of restartPolicyRules.entries()) {
    const path = `${at}.restartPolicyRules[${i}]`
    if (rule.action !== 'Restart' && rule.action !== 'RestartAllContainers') {
      errors.push(notSupported(`${path}.action`, rule.action ?? '', ['Restart', 'RestartAllContainers']))
    }
    if (!rule.exitCodes) {
      errors.push(required(`${path}.exitCodes`, 'must be specified'))
      continue
    }
    if (!['In', 'NotIn'].includes(rule.exitCodes.operator ?? '')) {
      errors.push(notSupported(`${path}.exitCodes.operator`, rule.exitCodes.operator ?? '', ['In', 'NotIn']))
    }
    const values = rule.exitCodes.values?.length ?? 0
    if (values > 255) errors.push(tooMany(`${path}.exitCodes.values`, values, 255))
  }
  return errors
}

function validatePorts(container: Container, path: string): FieldError[] {
  const errors: FieldError[] = []
  const names = new Set<string>()
  for (const [i, port] of (container.ports ?? []).entries()) {
    const at = `${path}[${i}]`
    if (port.name) {
      const wrong = isPortName(port.name)
      errors.push(...asInvalid(`${at}.name`, port.name, wrong))
      if (!wrong.length && names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name))
      names.add(port.name)
    }
    if (!port.containerPort) errors.push(required(`${at}.containerPort`))
    else errors.push(...asInvalid(`${at}.containerPort`, port.containerPort, portNumber(port.containerPort)))
    if (port.hostPort) errors.push(...asInvalid(`${at}.hostPort`, port.hostPort, portNumber(port.hostPort)))
    errors.push(...oneOf(port.protocol, protocols, `${at}.protocol`))
  }
  return errors
}

function validateHostPorts(containers: readonly Container[], path: string): FieldError[] {
  const taken = new Set<string>()
  return containers.flatMap((container, i) =>
    (container.ports ?? []).flatMap((port, j) => {
      if (!port.hostPort) return []
      const key = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`
      const wrong = taken.has(key) ? [duplicate(`${path}[${i}].ports[${j}].hostPort`, key)] : []
      taken.add(key)
      return wrong
    }),
  )
}

function validateMounts(container: Container, volumes: ReadonlyMap<string, Volume>, path: string): FieldError[] {
  const errors: FieldError[] = []
  const points = new Set<string>()
  const devices = container.volumeDevices ?? []
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const at = `${path}[${i}]`
    const { name = '', mountPath = '' } = mount
    if (!name) errors.push(required(`${at}.name`))
    const volume = volumes.get(name)
    if (!volume) errors.push(notFound(`${at}.name`, name))
    if (!mountPath) errors.push(required(`${at}.mountPath`))
    if (points.has(mountPath)) errors.push(invalid(`${at}.mountPath`, mountPath, 'must be unique'))
    points.add(mountPath)
    if (devices.some((device) => device.name === name))
      errors.push(invalid(`${at}.name`, name, 'must not already exist in volumeDevices'))
    if (devices.some((device) => device.devicePath === mountPath)) {
      errors.push(invalid(`${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices'))
    }
    if (mount.subPath) errors.push(...descendingPath(mount.subPath, `${path}.subPath`))
    if (mount.subPathExpr) {
      if (mount.subPath)
        errors.push(invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'))
      errors.push(...descendingPath(mount.subPathExpr, `${path}.subPathExpr`))
    }
    errors.push(...validatePropagation(mount, container, path), ...validateRecursiveReadOnly(mount, path))
  }
  return errors
}

type Mount = NonNullable<Container['volumeMounts']>[number] & { recursiveReadOnly?: string | undefined }

function validatePropagation(mount: Mount, container: Container, path: string): FieldError[] {
  const propagation = mount.mountPropagation
  if (propagation === undefined) return []
  const modes = ['Bidirectional', 'HostToContainer', 'None']
  const errors = modes.includes(propagation) ? [] : [notSupported(`${path}.mountPropagation`, propagation, modes)]
  if (propagation === 'Bidirectional' && !container.securityContext?.privileged) {
    errors.push(
      forbidden(
        `${path}.mountPropagation`,
        'Bidirectional mount propagation is available only to privileged containers',
      ),
    )
  }
  return errors
}

function validateRecursiveReadOnly(mount: Mount, path: string): FieldError[] {
  const value = mount.recursiveReadOnly
  if (value === undefined || value === 'Disabled') return []
  const field = `${path}.recursiveReadOnly`
  if (value !== 'Enabled' && value !== 'IfPossible')
    return [notSupported(field, value, ['Disabled', 'Enabled', 'IfPossible'])]
  const propagation = mount.mountPropagation
  return [
    ...(mount.readOnly ? [] : [forbidden(field, 'may only be specified when readOnly is true')]),
    ...(propagation !== undefined && propagation !== 'None'
      ? [forbidden(field, 'may only be specified when mountPropagation is None or not specified')]
      : []),
  ]
}

function validateDevices(container: Container, volumes: ReadonlyMap<string, Volume>, path: string): FieldError[] {
  const errors: FieldError[] = []
  const names = new Set<string>()
  const paths = new Set<string>()
  const mounts = container.volumeMounts ?? []
  for (const [i, device] of (container.volumeDevices ?? []).entries()) {
    const at = `${path}[${i}]`
    const { name = '', devicePath = '' } = device
    const volume = volumes.get(name)
    if (!name) errors.push(required(`${at}.name`))
    if (names.has(name)) errors.push(invalid(`${at}.name`, name, 'must be unique'))
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      errors.push(
        invalid(
          `${at}.name`,
          name,
          'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
        ),
      )
    }
    if (!volume) errors.push(notFound(`${at}.name`, name))
    if (!devicePath) errors.push(required(`${at}.devicePath`))
    if (paths.has(devicePath)) errors.push(invalid(`${at}.devicePath`, devicePath, 'must be unique'))
    if (withoutBacksteps(devicePath, path).length)
      errors.push(invalid(`${at}.devicePath`, devicePath, "can not contain backsteps ('..')"))
    else paths.add(devicePath)
    if (mounts.some((mount) => mount.name === name))
      errors.push(invalid(`${at}.name`, name, 'must not already exist in volumeMounts'))
    if (mounts.some((mount) => mount.mountPath === devicePath)) {
      errors.push(invalid(`${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts'))
    }
    if (name) names.add(name)
  }
  return errors
}

function validateResizePolicy(container: Container, podRestartPolicy: string, path: string): FieldError[] {
  const errors: FieldError[] = []
  const seen = new Set<string>()
  const policies = ['NotRequired', 'RestartContainer']
  for (const [i, { resourceName = '', restartPolicy = '' }] of (container.resizePolicy ?? []).entries()) {
    if (seen.has(resourceName)) errors.push(duplicate(`${path}[${i}]`, resourceName))
    seen.add(resourceName)
    errors.push(...oneOf(resourceName, ['cpu', 'memory'], path), ...oneOf(restartPolicy, policies, path))
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      errors.push(invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"))
    }
  }
  return errors
}
