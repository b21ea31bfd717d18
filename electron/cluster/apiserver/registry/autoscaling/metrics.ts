import { parseQuantity, signOf } from '#shared/kube/quantity.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { asInvalid, forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { dnsLabel, pathSegment } from '../validation/names.ts'
import { validateContainerResourceName } from '../validation/resources.ts'
import type { Metric, MetricTarget } from './types.ts'
import { validateReference } from './reference.ts'

const types = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource']

export const validateMetrics = (metrics: readonly Metric[] | undefined, path: string): FieldError[] =>
  (metrics ?? []).flatMap((metric, i) => validateMetric(metric, `${path}[${i}]`))

type Source = (metric: Metric, path: string) => FieldError[]

/** In the order in which upstream looks at them; only the first that is given is looked into. */
const sources: Readonly<Record<'object' | 'external' | 'pods' | 'resource' | 'containerResource', Source>> = {
  object({ object: source = {} }, path) {
    const errors = [
      ...validateReference(source.describedObject, `${path}.describedObject`),
      ...validateIdentifier(source.metric?.name, `${path}.metric`),
      ...validateTarget(source.target, `${path}.target`),
    ]
    const { value, averageValue } = source.target ?? {}
    return value === undefined && averageValue === undefined
      ? [...errors, required(`${path}.target.averageValue`, 'must set either a target value or averageValue')]
      : errors
  },
  external({ external: source = {} }, path) {
    const errors = [
      ...validateIdentifier(source.metric?.name, `${path}.metric`),
      ...validateTarget(source.target, `${path}.target`),
    ]
    const { value, averageValue } = source.target ?? {}
    if (value === undefined && averageValue === undefined) {
      errors.push(
        required(`${path}.target.averageValue`, 'must set either a target value for metric or a per-pod target'),
      )
    }
    if (value !== undefined && averageValue !== undefined) {
      errors.push(forbidden(`${path}.target.value`, 'may not set both a target value for metric and a per-pod target'))
    }
    return errors
  },
  pods({ pods: source = {} }, path) {
    const errors = [
      ...validateIdentifier(source.metric?.name, `${path}.metric`),
      ...validateTarget(source.target, `${path}.target`),
    ]
    if (source.target?.averageValue === undefined) {
      errors.push(required(`${path}.target.averageValue`, 'must specify a positive target averageValue'))
    }
    return errors
  },
  resource({ resource: source = {} }, path) {
    const errors = source.name ? [] : [required(`${path}.name`, 'must specify a resource name')]
    return [
      ...errors,
      ...validateTarget(source.target, `${path}.target`),
      ...validateUtilization(source.target, `${path}.target`),
    ]
  },
  containerResource({ containerResource: source = {} }, path) {
    const { name, container } = source
    return [
      ...(name
        ? validateContainerResourceName(name, `${path}.name`)
        : [required(`${path}.name`, 'must specify a resource name')]),
      ...(container
        ? asInvalid(`${path}.container`, container, dnsLabel(container, false))
        : [required(`${path}.container`, 'must specify a container')]),
      ...validateTarget(source.target, `${path}.target`),
      ...validateUtilization(source.target, `${path}.target`),
    ]
  },
}

/** Source: validateMetricSpec. */
function validateMetric(metric: Metric, path: string): FieldError[] {
  const { type = '' } = metric
  const errors: FieldError[] = []
  if (!type) errors.push(required(`${path}.type`, 'must specify a metric source type'))
  const unknown = notSupported(`${path}.type`, type, types)
  if (!types.includes(type)) errors.push(unknown)
  const fields = Object.keys(sources) as (keyof typeof sources)[]
  const given = fields.filter((field) => metric[field])
  if (given[0]) errors.push(...sources[given[0]](metric, `${path}.${given[0]}`))
  const expected = fields.find((field) => field.toLowerCase() === type.toLowerCase())
  // Upstream looks at the type twice, and says so twice.
  if (!types.includes(type)) errors.push(unknown)
  else if (expected && !metric[expected]) {
    errors.push(required(`${path}.${expected}`, 'must populate information for the given metric source'))
  }
  if (given.length !== 1) {
    const others = given.filter((field) => field !== expected)
    for (const field of others) errors.push(forbidden(`${path}.${field}`, 'must populate the given metric source only'))
  }
  return errors
}

function validateTarget(target: MetricTarget | undefined, path: string): FieldError[] {
  const { type = '', value, averageValue, averageUtilization } = target ?? {}
  const errors: FieldError[] = []
  if (!type) errors.push(required(`${path}.type`, 'must specify a metric target type'))
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(invalid(`${path}.type`, type, 'must be either Utilization, Value, or AverageValue'))
  }
  const isPositive = (text: string) => signOf(parseQuantity(text)) > 0
  if (value !== undefined && !isPositive(value)) errors.push(invalid(`${path}.value`, value, 'must be positive'))
  if (averageValue !== undefined && !isPositive(averageValue))
    errors.push(invalid(`${path}.averageValue`, averageValue, 'must be positive'))
  if (averageUtilization !== undefined && averageUtilization < 1) {
    errors.push(invalid(`${path}.averageUtilization`, averageUtilization, 'must be greater than 0'))
  }
  return errors
}

function validateUtilization(target: MetricTarget | undefined, path: string): FieldError[] {
  const { averageUtilization, averageValue } = target ?? {}
  if (averageUtilization === undefined && averageValue === undefined) {
    return [required(`${path}.averageUtilization`, 'must set either a target raw value or a target utilization')]
  }
  return averageUtilization !== undefined && averageValue !== undefined
    ? [forbidden(`${path}.averageValue`, 'may not set both a target raw value and a target utilization')]
    : []
}

function validateIdentifier(name: string | undefined, path: string): FieldError[] {
  return name
    ? asInvalid(`${path}.name`, name, pathSegment(name, false))
    : [required(`${path}.name`, 'must specify a metric name')]
}
