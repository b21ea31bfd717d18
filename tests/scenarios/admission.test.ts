import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  jsonPatch,
  webhookServer,
  type Respond,
  type WebhookServer,
} from '../../electron/cluster/apiserver/testing/webhook-server.ts'
import { up, type TestCluster } from '../support/cluster.ts'
import type { Kubectl, Outcome } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
let k: Kubectl
let hook: WebhookServer
let respond: Respond = () => ({ allowed: true })

beforeAll(async () => {
  cluster = await up(['--nodes', 'process=0,simulated=1'])
  k = cluster.kubectl
  hook = await webhookServer((asked) => respond(asked))
})
afterAll(async () => {
  await hook?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

const apply = async (text: string): Promise<Outcome> => k.run(['apply', '-f', '-'], text)
const applied = async (text: string): Promise<void> => {
  const { code, stderr } = await apply(text)
  if (code !== 0) throw new Error(stderr)
}

const bound = (kind: string, name: string, more = '') => `
apiVersion: admissionregistration.k8s.io/v1
kind: ${kind}Binding
metadata: { name: ${name} }
spec: { policyName: ${name}${more} }
`
const rules = (resource: string, group = '') =>
  `resourceRules: [{ apiGroups: ["${group}"], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["${resource}"] }]`

describe('admission as it is configured with kubectl', () => {
  it('obeys a validating policy at once, and says where its expressions do not fit', async () => {
    await applied(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: replicas }
spec:
  matchConstraints: { ${rules('deployments', 'apps')} }
  variables: [{ name: most, expression: "3" }]
  validations:
    - expression: object.spec.replicas <= variables.most
      messageExpression: "'at most ' + string(variables.most)"
---${bound('ValidatingAdmissionPolicy', 'replicas', ', validationActions: [Deny]')}`)
    const refused = await k.run(['create', 'deployment', 'many', '--image=i', '--replicas=4'])
    expect(refused.stderr).toContain(
      `deployments.apps "many" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'replicas' denied request: at most 3`,
    )
    await k('create', 'deployment', 'few', '--image=i', '--replicas=0')
    await k(
      'patch',
      'validatingadmissionpolicy',
      'replicas',
      '--type=json',
      '-p',
      JSON.stringify([{ op: 'add', path: '/spec/validations/-', value: { expression: 'object.spec.size > 1' } }]),
    )
    await eventually('the policy is type-checked', async () => {
      const { status } = await k.json<{ status: { typeChecking?: { expressionWarnings?: { warning: string }[] } } }>(
        'get',
        'validatingadmissionpolicy',
        'replicas',
      )
      return status.typeChecking?.expressionWarnings?.[0]?.warning.includes("undefined field 'size'")
    })
    await k('delete', 'validatingadmissionpolicy/replicas', 'validatingadmissionpolicybinding/replicas')
  })

  it('obeys a mutating policy', async () => {
    await applied(`
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: { name: label }
spec:
  reinvocationPolicy: Never
  matchConstraints: { ${rules('configmaps')} }
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: { expression: "Object{metadata: Object.metadata{labels: {'by': 'policy'}}}" }
---${bound('MutatingAdmissionPolicy', 'label')}`)
    await k('create', 'configmap', 'labelled', '--from-literal=a=b')
    expect(await k('get', 'configmap', 'labelled', '-o', 'jsonpath={.metadata.labels.by}')).toBe('policy')
    await k('delete', 'mutatingadmissionpolicy/label', 'mutatingadmissionpolicybinding/label')
  })

  it('refuses expressions that do not compile', async () => {
    const { stderr } = await apply(`
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: wrong }
spec:
  matchConstraints: { ${rules('configmaps')} }
  validations: [{ expression: "object.data.size() +" }]
`)
    expect(stderr).toContain(
      'spec.validations[0].expression: Invalid value: "object.data.size() +": compilation failed: ERROR: <input>:1:21: Syntax error',
    )
  })

  it.each(['Mutating', 'Validating'])('asks a %s webhook over HTTPS', async (sort) => {
    await applied(`
apiVersion: admissionregistration.k8s.io/v1
kind: ${sort}WebhookConfiguration
metadata: { name: hook }
webhooks:
  - name: hook.example.com
    clientConfig: { url: "${hook.url}/hook", caBundle: ${hook.caBundle} }
    rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["configmaps"] }]
    matchConditions: [{ name: mine, expression: "object.metadata.name.startsWith('hooked')" }]
    admissionReviewVersions: ["v1"]
    sideEffects: None
`)
    const name = `hooked-${sort.toLowerCase()}`
    respond = () => ({ allowed: false, status: { message: 'not today' }, warnings: ['mind the gap'] })
    const refused = await k.run(['create', 'configmap', name])
    expect(refused.stderr).toContain('admission webhook "hook.example.com" denied the request: not today')
    expect(refused.stderr).toContain('Warning: mind the gap')
    respond = () => ({
      allowed: true,
      ...(sort === 'Mutating' && jsonPatch([{ op: 'add', path: '/data', value: { hooked: 'yes' } }])),
    })
    await k('create', 'configmap', name)
    expect(await k('get', 'configmap', name, '-o', 'jsonpath={.data.hooked}')).toBe(sort === 'Mutating' ? 'yes' : '')
    const { stderr } = await k.run(['create', 'configmap', 'other'])
    expect(stderr).toBe('')
    await k('delete', `${sort.toLowerCase()}webhookconfiguration`, 'hook')
    await k('delete', 'configmap', 'other')
  })
})
