import { describe, expect, it } from 'vitest'
import { deployment } from '../../apps/deployment.ts'
import type { PodSpec } from './types.ts'
import { podWarnings } from './warnings.ts'

const of = (spec: PodSpec, annotations = {}) => podWarnings({ annotations }, spec, 'spec', 'metadata')
const app = (more: object) => ({ containers: [{ name: 'app', ...more }] })

describe('warnings for pods', () => {
  it('speak of labels that have newer names', () => {
    expect(of({ nodeSelector: { 'beta.kubernetes.io/os': 'linux' } })).toEqual([
      'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    ])
  })
  it('speak of profiles in annotations', () => {
    expect(of(app({}), { 'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default' })).toEqual([
      'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the \\"seccompProfile\\" field instead',
    ])
  })
  it('speak of addresses that would be read otherwise elsewhere', () => {
    expect(of({ ...app({}), hostAliases: [{ ip: '010.0.0.1' }] })).toEqual([
      'spec.hostAliases[0].ip: non-standard IP address "010.0.0.1" will be considered invalid in a future Kubernetes release: use "10.0.0.1"',
    ])
  })
  it('speak of addresses of the host without a port of it', () => {
    expect(of(app({ ports: [{ containerPort: 80, protocol: 'TCP', hostIP: '10.0.0.1' }] }))).toEqual([
      'spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP HostIP:10.0.0.1}',
    ])
  })
  it('speak of files that hide a token', () => {
    const sources = [
      { serviceAccountToken: { path: 'token' } },
      { configMap: { name: 'c', items: [{ key: 'k', path: 'token' }] } },
    ]
    expect(of({ volumes: [{ name: 'v', projected: { sources } }] })).toEqual([
      'spec.volumes[0].projected.sources.configMap[0]: has duplicated path with ServiceAccountToken "token"',
    ])
  })
  it('speak of variables that hide others, unless they add to them', () => {
    expect(
      of(
        app({
          env: [
            { name: 'A', value: '1' },
            { name: 'A', value: '2' },
          ],
        }),
      ),
    ).toEqual(['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'])
    expect(
      of(
        app({
          env: [
            { name: 'A', value: '1' },
            { name: 'A', value: '$(A)2' },
          ],
        }),
      ),
    ).toEqual([])
  })
  it('speak of parts of a byte', () => {
    expect(of(app({ resources: { limits: { memory: '100m' } } }))).toEqual([
      'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
    ])
  })
  it('speak of ports over all containers', () => {
    const port = { containerPort: 80, protocol: 'TCP' }
    const containers = ['a', 'b'].map((name) => ({ name, ports: [port] }))
    expect(of({ containers })).toEqual([
      'spec.containers[1].ports[0]: duplicate port definition with spec.containers[0].ports[0]',
    ])
  })
  it('speak of selectors that match nothing', () => {
    expect(of({ topologySpreadConstraints: [{ topologyKey: 'zone' }] })).toEqual([
      'spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod',
    ])
  })
})

it('workloads warn when they are made and when their spec changes', () => {
  const object = (generation: number) => ({
    metadata: { name: 'a.b', generation },
    spec: { template: { spec: { terminationGracePeriodSeconds: -1 } } },
  })
  const { warnings } = deployment.strategy
  expect(warnings!(object(1), undefined)).toEqual([
    'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]',
    'spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
  ])
  expect(warnings!(object(2), object(1))).toHaveLength(1)
  expect(warnings!(object(1), object(1))).toEqual([])
})
