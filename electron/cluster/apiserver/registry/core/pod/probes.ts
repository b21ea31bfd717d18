import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, forbidden, invalid, notSupported, required } from '../../validation/field.ts'
import { isHttpHeaderName } from '../../validation/names.ts'
import { nonNegative, portNumberOrName } from '../../validation/numbers.ts'
import type { Container, Probe } from './types.ts'

type LifecycleHandler = NonNullable<NonNullable<Container['lifecycle']>['preStop']>
type Handler = Probe & LifecycleHandler & { sleep?: { seconds?: number | undefined } | undefined }

/** Probes and lifecycle hooks. `grace` is the pod's termination grace, which bounds sleeps. */
export function validateProbes(container: Container, grace: number | undefined, path: string): FieldError[] {
  const { lifecycle, livenessProbe, readinessProbe, startupProbe } = container
  const errors: FieldError[] = []
  if (lifecycle) errors.push(...validateLifecycle(lifecycle, grace, `${path}.lifecycle`))
  for (const [probe, name] of [
    [livenessProbe, 'livenessProbe'],
    [readinessProbe, 'readinessProbe'],
    [startupProbe, 'startupProbe'],
  ] as const) {
    if (!probe) continue
    errors.push(...validateProbe(probe, grace, `${path}.${name}`))
    if (name === 'readinessProbe') {
      if (probe.terminationGracePeriodSeconds !== undefined) {
        const at = `${path}.${name}.terminationGracePeriodSeconds`
        errors.push(invalid(at, probe.terminationGracePeriodSeconds, 'must not be set for readinessProbes'))
      }
    } else if (probe.successThreshold !== 1) {
      errors.push(invalid(`${path}.${name}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'))
    }
  }
  return errors
}

export function validateLifecycle(
  lifecycle: NonNullable<Container['lifecycle']>,
  grace: number | undefined,
  path: string,
): FieldError[] {
  return [
    ...(lifecycle.postStart ? validateHandler(lifecycle.postStart as Handler, grace, `${path}.postStart`) : []),
    ...(lifecycle.preStop ? validateHandler(lifecycle.preStop as Handler, grace, `${path}.preStop`) : []),
  ]
}

function validateProbe(probe: Probe, grace: number | undefined, path: string): FieldError[] {
  const errors = validateHandler(probe as Handler, grace, path)
  for (const name of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const) {
    errors.push(...nonNegative(probe[name], `${path}.${name}`))
  }
  const own = probe.terminationGracePeriodSeconds
  if (own !== undefined && own <= 0)
    errors.push(invalid(`${path}.terminationGracePeriodSeconds`, own, 'must be greater than 0'))
  return errors
}

/** Exactly one way of acting. */
function validateHandler(handler: Handler, grace: number | undefined, path: string): FieldError[] {
  const errors: FieldError[] = []
  const given = (['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const).filter((name) => handler[name])
  if (!given.length) return [required(path, 'must specify a handler type')]
  for (const [i, name] of given.entries()) {
    if (i > 0) errors.push(forbidden(`${path}.${name}`, 'may not specify more than 1 handler type'))
    else errors.push(...validateAction(handler, name, grace, `${path}.${name}`))
  }
  return errors
}

function validateAction(handler: Handler, name: string, grace: number | undefined, path: string): FieldError[] {
  if (name === 'exec') return handler.exec!.command?.length ? [] : [required(`${path}.command`)]
  if (name === 'tcpSocket') return portNumberOrName(handler.tcpSocket!.port, `${path}.port`)
  if (name === 'grpc') return portNumberOrName(handler.grpc!.port, `${path}.port`)
  if (name === 'sleep') {
    const seconds = handler.sleep!.seconds ?? 0
    return grace !== undefined && (seconds < 0 || seconds > grace)
      ? [invalid(path, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`)]
      : []
  }
  const http = handler.httpGet!
  const errors = http.path ? [] : [required(`${path}.path`)]
  errors.push(...portNumberOrName(http.port, `${path}.port`))
  if (http.scheme !== 'HTTP' && http.scheme !== 'HTTPS')
    errors.push(notSupported(`${path}.scheme`, http.scheme ?? '', ['HTTP', 'HTTPS']))
  for (const header of http.httpHeaders ?? []) {
    errors.push(...asInvalid(`${path}.httpHeaders`, header.name ?? '', isHttpHeaderName(header.name ?? '')))
  }
  return errors
}
