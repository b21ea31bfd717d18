import { describe, expect, it } from 'vitest'
import { container, pod } from '../testing/builders.ts'
import type { ConfigMap, Container, Secret, Service } from '../types.ts'
import { containerEnvironment, type EnvironmentInput } from './environment.ts'
import { expand } from './expansion.ts'
import { fieldValue } from './fields.ts'
import { resourceValue } from './resource-fields.ts'
import { serviceVariables, visibleServices } from './services.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')
const input = (overrides: Partial<EnvironmentInput> = {}): EnvironmentInput => ({
  configMap: () => undefined,
  secret: () => undefined,
  services: new Map(),
  allocatable: { cpu: '4', memory: '8Gi' },
  podIp: '10.244.0.5',
  hostIp: '192.168.0.2',
  ...overrides,
})
const variables = (of: Partial<Container>, with_: EnvironmentInput = input()) =>
  Object.fromEntries(
    containerEnvironment(pod(), container(of), with_).variables.map(({ name, value }) => [name, value]),
  )

describe('expansion', () => {
  const known = (text: string) => expand(text, (name) => ({ A: '1', B: '$(A)' })[name])

  it('replaces what is known, once, and leaves the rest as it is written', () => {
    expect(known('$(A)-$(B)-$(C)')).toBe('1-$(A)-$(C)')
  })

  it('writes one dollar for two, which keeps a reference from being one', () => {
    expect(known('$$(A) $$$(A) $$$$(A)')).toBe('$(A) $1 $$(A)')
  })

  it('leaves unfinished references alone', () => {
    expect(known('$(A $ $A end$')).toBe('$(A $ $A end$')
  })
})

describe('env', () => {
  it('sees variables that stand before it, and services, but not later ones', () => {
    const services = new Map([['DB_SERVICE_HOST', '10.96.0.9']])
    const env = [
      { name: 'FIRST', value: 'a' },
      { name: 'SECOND', value: '$(FIRST)$(THIRD)@$(DB_SERVICE_HOST)' },
      { name: 'THIRD', value: 'c' },
    ]
    expect(variables({ env }, input({ services }))).toMatchObject({
      SECOND: 'a$(THIRD)@10.96.0.9',
      DB_SERVICE_HOST: '10.96.0.9',
    })
  })

  it('takes keys of ConfigMaps and Secrets and fields of the pod', () => {
    const env = [
      { name: 'LEVEL', valueFrom: { configMapKeyRef: { name: 'settings', key: 'level' } } },
      { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'keys', key: 'token' } } },
      { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
      { name: 'CPU', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
    ]
    const configMap = () => ({ data: { level: 'debug' } }) as ConfigMap
    const secret = () => ({ data: { token: base64('s3cret') } }) as Secret
    expect(variables({ env }, input({ configMap, secret }))).toEqual({
      LEVEL: 'debug',
      TOKEN: 's3cret',
      IP: '10.244.0.5',
      CPU: '4',
    })
  })

  it('refuses what is missing, in upstream words, unless it is optional', () => {
    const missing = (optional: boolean) => ({
      env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'keys', key: 'token', optional } } }],
    })
    expect(() => variables(missing(false))).toThrow('secret "keys" not found')
    expect(variables(missing(true))).toEqual({})
    const other = input({ secret: () => ({ data: {} }) as Secret })
    expect(() => variables(missing(false), other)).toThrow("couldn't find key token in Secret shop/keys")
    expect(variables(missing(true), other)).toEqual({})
  })

  it('wins over envFrom, of which the last source wins', () => {
    const maps: Record<string, ConfigMap> = { one: { data: { A: '1', B: '1', C: '1' } }, two: { data: { B: '2' } } }
    const envFrom = [{ configMapRef: { name: 'one' } }, { configMapRef: { name: 'two' } }]
    const env = [{ name: 'C', value: '3' }]
    expect(variables({ env, envFrom }, input({ configMap: (name) => maps[name] }))).toEqual({ A: '1', B: '2', C: '3' })
  })

  it('prefixes envFrom and reports the keys that no environment can hold', () => {
    const map: ConfigMap = { data: { 'log.level': 'x', 'a=b': 'y' } }
    const of = container({ envFrom: [{ prefix: 'APP_', configMapRef: { name: 'settings' } }] })
    const { variables: found, skipped } = containerEnvironment(pod(), of, input({ configMap: () => map }))
    expect(found).toEqual([{ name: 'APP_log.level', value: 'x' }])
    expect(skipped).toEqual([
      'Keys [APP_a=b] from the EnvFrom configMap shop/settings were skipped since they are considered invalid environment variable names.',
    ])
  })
})

it('gives labels and annotations as sorted, quoted lines, and single ones by key', () => {
  const labelled = pod({ metadata: { labels: { b: 'say "hi"', a: '1' } } })
  const addresses = { podIp: '', hostIp: '' }
  expect(fieldValue(labelled, 'metadata.labels', addresses)).toBe('a="1"\nb="say \\"hi\\""')
  expect(fieldValue(labelled, "metadata.labels['a']", addresses)).toBe('1')
  expect(() => fieldValue(labelled, 'spec.containers', addresses)).toThrow('unsupported fieldPath: spec.containers')
})

it('divides resources by their divisor and rounds up', () => {
  const of = container({ resources: { limits: { cpu: '1500m', memory: '100Mi' }, requests: { cpu: '250m' } } })
  const value = (resource: string, divisor?: string) =>
    resourceValue(of, resource, divisor, { 'ephemeral-storage': '10Gi' })
  expect(value('limits.cpu')).toBe('2')
  expect(value('limits.cpu', '1m')).toBe('1500')
  expect(value('limits.memory', '1Mi')).toBe('100')
  expect(value('requests.cpu', '100m')).toBe('3')
  expect(value('requests.memory')).toBe('0')
  expect(value('limits.ephemeral-storage', '1Gi')).toBe('10')
})

describe('service variables', () => {
  const service = (name: string, namespace: string, clusterIP: string): Service => ({
    metadata: { name, namespace },
    spec: {
      clusterIP,
      ports: [
        { name: 'http', port: 80, protocol: 'TCP' },
        { port: 53, protocol: 'UDP' },
      ],
    },
  })

  it('are those of Docker links', () => {
    expect(Object.fromEntries(serviceVariables([service('my-db', 'shop', '10.96.0.9')]))).toEqual({
      MY_DB_SERVICE_HOST: '10.96.0.9',
      MY_DB_SERVICE_PORT: '80',
      MY_DB_SERVICE_PORT_HTTP: '80',
      MY_DB_PORT: 'tcp://10.96.0.9:80',
      MY_DB_PORT_80_TCP: 'tcp://10.96.0.9:80',
      MY_DB_PORT_80_TCP_PROTO: 'tcp',
      MY_DB_PORT_80_TCP_PORT: '80',
      MY_DB_PORT_80_TCP_ADDR: '10.96.0.9',
      MY_DB_PORT_53_UDP: 'udp://10.96.0.9:53',
      MY_DB_PORT_53_UDP_PROTO: 'udp',
      MY_DB_PORT_53_UDP_PORT: '53',
      MY_DB_PORT_53_UDP_ADDR: '10.96.0.9',
    })
    expect(serviceVariables([service('headless', 'shop', 'None')]).size).toBe(0)
  })

  it('are of the own namespace, and of the API server even for pods that want none', () => {
    const all = [
      service('kubernetes', 'default', '10.96.0.1'),
      service('db', 'shop', '10.96.0.9'),
      service('db', 'other', '10.96.0.8'),
    ]
    const names = (links: boolean) => visibleServices(all, 'shop', links).map(({ spec }) => spec?.clusterIP)
    expect(names(true)).toEqual(['10.96.0.1', '10.96.0.9'])
    expect(names(false)).toEqual(['10.96.0.1'])
  })
})

describe('a variable from a file in a volume', () => {
  const of = (more: object, text = "A='1'") => {
    const fileKeyRef = { volumeName: 'v', path: 'env', key: 'A', ...more }
    const env = [{ name: 'X', valueFrom: { fileKeyRef } }] as unknown as NonNullable<Container['env']>
    return variables({ env }, input({ file: (volume, path) => (volume === 'v' && path === 'env' ? text : '=') }))
  }

  it('is what the file says, or nothing where it may be absent', () => {
    expect(of({})).toEqual({ X: '1' })
    expect(of({ key: 'B', optional: true })).toEqual({})
  })

  it('keeps the container from starting where it is missing, or the file is none of its kind', () => {
    expect(() => of({ key: 'B' })).toThrow('environment variable key "B" not found in file')
    expect(() => of({}, 'A=1')).toThrow("couldn't parse env file")
  })
})
