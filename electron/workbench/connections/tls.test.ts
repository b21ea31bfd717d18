import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { authority, type Pem } from '../testing/certificates.ts'
import { FakeApiServer } from '../testing/fake-api-server.ts'
import { ApiConnection } from './api-connection.ts'
import { ExecLogin } from './exec-login.ts'
import { accessOf } from './kubeconfigs.ts'

const ours = authority('ours')
const theirs = authority('theirs')
let folder: string
let server: FakeApiServer
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'tls-'))
  const { cert, key } = ours.sign('server', '127.0.0.1')
  server = await FakeApiServer.start({ cert, key, ca: ours.cert, requestCert: true, rejectUnauthorized: true })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const base64 = (text: string) => Buffer.from(text).toString('base64')
const connect = (ca: string, client: Pem, address = server.url) =>
  new ApiConnection(
    accessOf(
      { name: 'c', server: address, skipTLSVerify: false, caData: base64(ca) },
      { name: 'u', certData: base64(client.cert), keyData: base64(client.key) },
    ),
  )

it('trusts the authority of the kubeconfig and shows its own certificate, to WebSockets too', async () => {
  const connection = connect(ours.cert, ours.sign('me'))
  await connection.json('/version')
  server.onSocket = (socket) => socket.send('hi')
  const socket = await connection.upgrade(
    '/api/v1/namespaces/a/pods/b/exec',
    ['v4.channel.k8s.io'],
    new AbortController().signal,
  )
  expect(socket.readyState).toBe(socket.OPEN)
  socket.terminate()
})

it.each([
  ['a server of another authority', () => theirs.cert, /signed by|trust/],
  ['no authority at all', () => '', /signed by|trust/],
])('says what is wrong with %s, and the cure', async (_what, ca, message) => {
  const connection = connect(ca(), ours.sign('me'))
  await expect(connection.json('/version')).rejects.toMatchObject({
    reason: 'Unreachable',
    message: expect.stringMatching(message) as string,
    cure: expect.any(String) as string,
  })
})

it('says so when it is told the wrong scheme', async () => {
  const connection = connect(ours.cert, ours.sign('me'), server.url.replace('https', 'http'))
  await expect(connection.json('/version')).rejects.toMatchObject({ reason: 'Unreachable' })
  const plain = await FakeApiServer.start()
  await expect(
    connect(ours.cert, ours.sign('me'), plain.url.replace('http', 'https')).json('/version'),
  ).rejects.toMatchObject({ message: expect.stringMatching(/TLS|trust/) as string })
  await plain[Symbol.asyncDispose]()
})

it('reads certificate files anew after they were replaced', async () => {
  const files = { cert: path.join(folder, 'me.crt'), key: path.join(folder, 'me.key') }
  const write = ({ cert, key }: Pem) => {
    writeFileSync(files.cert, cert)
    writeFileSync(files.key, key)
  }
  write(theirs.sign('me'))
  const connection = new ApiConnection(
    accessOf(
      { name: 'c', server: server.url, skipTLSVerify: false, caData: base64(ours.cert) },
      { name: 'u', certFile: files.cert, keyFile: files.key },
    ),
  )
  await expect(connection.json('/version')).rejects.toMatchObject({ reason: 'Unreachable' })
  write(ours.sign('me'))
  await connection.json('/version')
  rmSync(files.cert)
  await expect(connection.json('/version')).rejects.toMatchObject({
    reason: 'BadKubeconfig',
    message: expect.stringContaining(files.cert) as string,
  })
})

it('takes a plug-in’s new certificate, though a connection with the old one is kept', async () => {
  const shown: string[] = []
  server.fault = () => undefined
  const certificates = [ours.sign('first'), ours.sign('second')]
  const login = new ExecLogin({ exec: { command: 'unused' }, cluster: {}, folder })
  let run = 0
  login.credential = () =>
    Promise.resolve({ clientCertificateData: certificates[run]!.cert, clientKeyData: certificates[run]!.key })
  server.onConnection = (socket) => shown.push((socket as TLSSocket).getPeerCertificate().subject.CN as string)
  const access = accessOf(
    { name: 'c', server: server.url, skipTLSVerify: false, caData: base64(ours.cert) },
    { name: 'u' },
  )
  const connection = new ApiConnection({ ...access, login })
  await connection.json('/version')
  await connection.json('/version')
  run = 1
  await connection.json('/version')
  expect(shown).toEqual(['first', 'second'])
})
