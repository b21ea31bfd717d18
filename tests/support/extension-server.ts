import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { temporaryFolder, type TestCluster } from './cluster.ts'

export interface Extension {
  readonly group: string
  readonly version: string
  /** What a GET of this path (without its query) is answered with; undefined: 404. */
  answer(path: string, user: string): object | undefined
}

/** A small API server on this machine, registered in the cluster for its group's version. Disposal closes it only. */
export async function extensionServer(
  cluster: TestCluster,
  { group, version, answer }: Extension,
): Promise<AsyncDisposable> {
  const name = group.replaceAll('.', '-')
  using folder = temporaryFolder()
  const at = (file: string) => path.join(folder.path, file)
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}.default.svc`]
  const files = ['-keyout', at('key'), '-out', at('crt')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject, ...files], {
    stdio: 'ignore',
  })
  const config = await cluster.kubectl.json<{ data: Record<string, string> }>(
    'get',
    'configmap',
    '--namespace=kube-system',
    'extension-apiserver-authentication',
  )
  const ca = config.data['requestheader-client-ca-file']!
  const certificate = readFileSync(at('crt'))
  const server = createServer(
    { key: readFileSync(at('key')), cert: certificate, ca, requestCert: true },
    (asked, out) => {
      const found = answer(asked.url!.split('?')[0]!, String(asked.headers['x-remote-user']))
      out.writeHead(found ? 200 : 404, { 'content-type': 'application/json' })
      out.end(
        JSON.stringify(found ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404, reason: 'NotFound' }),
      )
    },
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const spec = {
    group,
    version,
    groupPriorityMinimum: 100,
    versionPriority: 10,
    caBundle: certificate.toString('base64'),
    service: { namespace: 'default', name, port: (server.address() as AddressInfo).port },
  }
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { type: 'ExternalName', externalName: 'localhost' },
    },
    { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name: `${version}.${group}` }, spec },
  ]
  for (const object of objects) {
    const { code, stderr } = await cluster.kubectl.run(['create', '-f', '-'], JSON.stringify(object))
    if (code !== 0) throw new Error(stderr)
  }
  return {
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
