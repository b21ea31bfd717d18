import { describe, expect, it } from 'vitest'
import { formatQuantity } from '#shared/kube/quantity.ts'
import { podAmounts } from '#shared/kube/quota/amounts.ts'
import { container, pod } from '../testing/builders.ts'
import type { Node } from '../types.ts'
import { admit } from './admission.ts'

const node: Node = {
  metadata: { name: 'node-1', labels: { disk: 'ssd', cores: '8' } },
  status: { allocatable: { cpu: '1', memory: '1Gi', pods: '3' } },
}
const asking = (requests: Record<string, string>) => pod({ containers: [{ resources: { requests } }] })

describe('admission', () => {
  it('refuses groups of the pod alone where the runtime cannot leave those of the image out', () => {
    const strict = pod({ spec: { securityContext: { supplementalGroupsPolicy: 'Strict' } } } as object)
    expect(admit(strict, [], node)).toEqual({
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
    })
    const able = { ...node, status: { ...node.status, features: { supplementalGroupsPolicy: true } } }
    expect(admit(strict, [], able)).toBeUndefined()
  })

  it('lets a pod set what is safe of the kernel, unless it shares that with the node', () => {
    const setting = (name: string, more: object = {}) =>
      admit(pod({ spec: { securityContext: { sysctls: [{ name, value: '1' }] }, ...more } }), [], node)
    expect(setting('net.ipv4.tcp_syncookies')).toBeUndefined()
    expect(setting('net/ipv4/tcp_syncookies')).toBeUndefined()
    expect(setting('kernel.msgmax')).toEqual({
      reason: 'SysctlForbidden',
      message: 'forbidden sysctl: "kernel.msgmax" not allowlisted',
    })
    expect(setting('net.ipv4.tcp_syncookies', { hostNetwork: true })?.message).toBe(
      'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host net enabled',
    )
  })

  it('turns away pods of another operating system', () => {
    const linux = { ...node, status: { ...node.status, nodeInfo: { operatingSystem: 'linux' } } } as Node
    expect(admit(pod({ spec: { os: { name: 'windows' } } }), [], linux)?.reason).toBe('PodOSNotSupported')
    expect(admit(pod({ spec: { os: { name: 'linux' } } }), [], linux)).toBeUndefined()
  })

  it('takes a pod that fits and refuses one that does not, with the numbers', () => {
    expect(admit(asking({ cpu: '400m' }), [asking({ cpu: '600m' })], node)).toBeUndefined()
    expect(admit(asking({ cpu: '500m' }), [asking({ cpu: '600m' })], node)).toEqual({
      reason: 'OutOfcpu',
      message: "Node didn't have enough resource: cpu, requested: 500, used: 600, capacity: 1000",
    })
  })

  it('counts a resource that somebody gave the node, but not one that the node knows nothing of', () => {
    const given = {
      ...node,
      status: { allocatable: { ...node.status?.allocatable, 'example.com/dongle': '2' } },
    } as Node
    const wanting = (name: string) => asking({ [name]: '3' })
    expect(admit(wanting('example.com/dongle'), [], given)?.reason).toBe('OutOfexample.com/dongle')
    expect(admit(wanting('example.com/licence'), [], given)).toBeUndefined()
  })

  it('does not count pods that have ended', () => {
    const ended = { ...asking({ cpu: '1' }), status: { phase: 'Succeeded' } }
    expect(admit(asking({ cpu: '1' }), [ended], node)).toBeUndefined()
  })

  it('counts pods', () => {
    expect(admit(pod(), [pod(), pod(), pod()], node)?.reason).toBe('OutOfpods')
  })

  it('refuses a pod whose node selector or affinity does not match', () => {
    expect(admit(pod({ spec: { nodeSelector: { disk: 'hdd' } } }), [], node)).toEqual({
      reason: 'NodeAffinity',
      message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    })
    const required = (key: string, operator: string, values: string[]) => ({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }],
          },
        },
      },
    })
    expect(admit(pod({ spec: required('cores', 'Gt', ['4']) }), [], node)).toBeUndefined()
    expect(admit(pod({ spec: required('disk', 'NotIn', ['ssd']) }), [], node)?.reason).toBe('NodeAffinity')
  })

  it('refuses host ports that are taken, on the same address or on all', () => {
    const port = (hostPort: number, hostIP = '') =>
      pod({ containers: [{ ports: [{ containerPort: 80, hostPort, hostIP }] }] })
    expect(admit(port(80), [port(80, '10.0.0.1')], node)?.reason).toBe('NodePorts')
    expect(admit(port(80, '10.0.0.2'), [port(80, '10.0.0.1')], node)).toBeUndefined()
    expect(admit(port(81), [port(80)], node)).toBeUndefined()
  })

  it('refuses AppArmor profiles where there is no AppArmor, and those that it would have to load where there is', () => {
    const wanting = (type: string) =>
      pod({ containers: [{ securityContext: { appArmorProfile: { type } } as object }] })
    const reason = (type: string, has: boolean) => admit(wanting(type), [], node, () => has)
    const none = { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' }
    expect(reason('RuntimeDefault', false)).toEqual(none)
    expect(reason('Localhost', false)).toEqual(none)
    expect(reason('Unconfined', false)).toBeUndefined()
    expect(reason('RuntimeDefault', true)).toBeUndefined()
    expect(reason('Localhost', true)?.reason).toBe('AppArmor')
  })

  it('minds only taints that evict', () => {
    const tainted = (effect: string): Node => ({ ...node, spec: { taints: [{ key: 'k', value: 'v', effect }] } })
    expect(admit(pod(), [], tainted('NoSchedule'))).toBeUndefined()
    expect(admit(pod(), [], tainted('NoExecute'))?.reason).toBe('TaintToleration')
    const tolerations = [{ key: 'k', operator: 'Exists' }]
    expect(admit(pod({ spec: { tolerations } }), [], tainted('NoExecute'))).toBeUndefined()
  })
})

it('asks for what runs side by side or for the most that initialization needs', () => {
  const cpu = (of: Parameters<typeof pod>[0]) => formatQuantity(podAmounts(pod(of).spec, 'requests').get('cpu')!)
  const asks = (name: string, amount: string, restartPolicy?: string) =>
    container({ name, resources: { requests: { cpu: amount } }, ...(restartPolicy ? { restartPolicy } : {}) })
  const containers = [asks('a', '100m'), asks('b', '200m')]
  expect(cpu({ containers })).toBe('300m')
  expect(cpu({ containers, spec: { initContainers: [asks('init', '1')] } })).toBe('1')
  const initContainers = [asks('proxy', '50m', 'Always'), asks('init', '400m')]
  expect(cpu({ containers, spec: { initContainers } })).toBe('450m')
})
