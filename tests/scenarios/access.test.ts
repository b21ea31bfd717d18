import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1'
import type { Secret } from 'kubernetes-types/core/v1'
import { stringify, parse } from 'yaml'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { temporaryFolder, up, type TestCluster } from '../support/cluster.ts'
import { kubectl, type Kubectl } from '../support/kubectl.ts'
import { eventually } from '../support/wait.ts'

let cluster: TestCluster
const folder = temporaryFolder()
const policy = `
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- { level: Request, users: [jane], resources: [{ group: "", resources: [configmaps] }] }
`

beforeAll(async () => {
  const data = path.join(folder.path, 'data')
  mkdirSync(data, { mode: 0o700 })
  writeFileSync(path.join(data, 'audit-policy.yaml'), policy)
  cluster = await up([], data)
})
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

/** The cluster for somebody else: `user` as in a kubeconfig. */
function as(name: string, user: object): Kubectl {
  const config = parse(readFileSync(cluster.kubeconfig, 'utf8')) as { users: { user: object }[] }
  config.users[0]!.user = user
  const file = path.join(folder.path, `${name}.yaml`)
  writeFileSync(file, stringify(config))
  return kubectl(file)
}

const refusal = async (k: Kubectl, ...args: string[]) => {
  const { code, stderr } = await k.run(args)
  expect(code).not.toBe(0)
  return stderr
}

it('gives a person a certificate that they asked for, and the rights that are bound to them', async () => {
  const k = cluster.kubectl
  const at = (name: string) => path.join(folder.path, name)
  execFileSync(
    'openssl',
    [
      'req',
      '-new',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/O=devs/CN=jane',
      '-keyout',
      at('jane.key'),
      '-out',
      at('jane.csr'),
    ],
    { stdio: 'ignore' },
  )
  const spec = {
    request: readFileSync(at('jane.csr')).toString('base64'),
    signerName: 'kubernetes.io/kube-apiserver-client',
    usages: ['client auth'],
  }
  const request = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'jane' },
    spec,
  }
  expect((await k.run(['create', '-f', '-'], JSON.stringify(request))).code).toBe(0)
  await k('certificate', 'approve', 'jane')
  const certificate = await eventually('a signed certificate', async () => {
    const { status } = await k.json<CertificateSigningRequest>('get', 'csr', 'jane')
    return status?.certificate
  })
  writeFileSync(at('jane.crt'), Buffer.from(certificate, 'base64'))
  const jane = as('jane', { 'client-certificate': at('jane.crt'), 'client-key': at('jane.key') })
  expect(await jane('auth', 'whoami')).toMatch(/jane[\s\S]*\[devs system:authenticated\]/)
  expect(await refusal(jane, 'get', 'configmaps')).toContain('User "jane" cannot list resource "configmaps"')

  await k('create', 'rolebinding', 'devs', '--clusterrole', 'edit', '--group', 'devs')
  await jane('create', 'configmap', 'mine', '--from-literal', 'a=b')
  const events = await eventually('the audit log', () => {
    const file = path.join(cluster.data, 'audit', 'audit.log')
    return existsSync(file) && readFileSync(file, 'utf8').includes('"name":"mine"') && readFileSync(file, 'utf8')
  })
  const created = events
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { verb: string; requestObject?: object; annotations: Record<string, string> })
    .find(({ verb }) => verb === 'create')
  expect(created).toMatchObject({
    level: 'Request',
    user: { username: 'jane' },
    requestObject: { data: { a: 'b' } },
    annotations: {
      'authorization.k8s.io/decision': 'allow',
      'authorization.k8s.io/reason':
        'RBAC: allowed by RoleBinding "devs/default" of ClusterRole "edit" to Group "devs"',
    },
  })
})

it('lets nobody give themselves more than they have', async () => {
  const k = cluster.kubectl
  await k('create', 'clusterrole', 'roles', '--verb', 'create,update,get,patch', '--resource', 'roles,rolebindings')
  await k('create', 'clusterrolebinding', 'roles', '--clusterrole', 'roles', '--user', 'ed')
  const ed = (...args: string[]) => [...args, '--as', 'ed']
  expect(
    await refusal(k, ...ed('create', 'rolebinding', 'x', '--clusterrole', 'cluster-admin', '--user', 'ed')),
  ).toContain('is attempting to grant RBAC permissions not currently held')
  expect(await refusal(k, ...ed('create', 'role', 'x', '--verb', 'get', '--resource', 'secrets'))).toContain(
    '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
  )
  await k(...ed('create', 'role', 'x', '--verb', 'get', '--resource', 'roles'))
  expect(await k(...ed('auth', 'can-i', '--list'))).toContain('roles.rbac.authorization.k8s.io')
})

it('knows the tokens of service accounts, short-lived and kept in secrets, until they are gone', async () => {
  const k = cluster.kubectl
  await k('create', 'serviceaccount', 'robot')
  const short = as('short', { token: (await k('create', 'token', 'robot')).trim() })
  expect(await short('auth', 'whoami')).toContain('system:serviceaccount:default:robot')
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'robot', annotations: { 'kubernetes.io/service-account.name': 'robot' } },
    type: 'kubernetes.io/service-account-token',
  }
  await k.run(['create', '-f', '-'], JSON.stringify(secret))
  const token = await eventually(
    'a token in the secret',
    async () => (await k.json<Secret>('get', 'secret', 'robot')).data?.token,
  )
  const kept = as('kept', { token: Buffer.from(token, 'base64').toString() })
  expect(await kept('auth', 'whoami')).toContain('system:serviceaccount:default:robot')
  await k('delete', 'serviceaccount', 'robot')
  expect(await refusal(short, 'auth', 'whoami')).toContain('Unauthorized')
  expect(await refusal(kept, 'auth', 'whoami')).toContain('Unauthorized')
  await eventually('the end of the secret', async () => (await k.run(['get', 'secret', 'robot'])).code !== 0)
})
