import { expect, it } from 'vitest'
import { certificateSigningRequests } from '#shared/kube/resources.ts'
import { timestamp } from '../../base/clock.ts'
import { certificateRequest, type Wanted } from '../../base/testing/certificate-requests.ts'
import { harness } from '../framework/testing/harness.ts'
import { certificateApprover } from './approver.ts'
import { certificateCleaner, reconcileCleaning } from './cleaner.ts'
import type { Request } from './request.ts'
import { certificateSigner, reconcileSigning } from './signer.ts'

const now = Date.UTC(2026, 0, 1)
const node: Wanted = { commonName: 'system:node:n1', organizations: ['system:nodes'] }
const clientUsages = ['digital signature', 'client auth']

function requestFor(
  wanted: Wanted,
  signerName: string,
  more: { usages?: string[]; username?: string; status?: object } = {},
): Request {
  const {
    usages = clientUsages,
    username = 'jane',
    status = { conditions: [{ type: 'Approved', status: 'True' }] },
  } = more
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'r', creationTimestamp: timestamp(now) },
    spec: { request: certificateRequest(wanted).request, signerName, usages, username },
    status,
  } as Request
}

/** What the signer makes of the request: the certificate, or why it failed. */
function signed(request: Request): string | undefined {
  const { steps } = reconcileSigning(request, now, (_, usages) => `PEM for ${usages.join()}`)
  const [step] = steps as unknown as { object: Request }[]
  const { certificate, conditions } = step?.object.status ?? {}
  return certificate ? Buffer.from(certificate, 'base64').toString() : conditions?.at(-1)?.message
}

it('signs what was approved, and only that', () => {
  const jane = { commonName: 'jane' }
  expect(signed(requestFor(jane, 'kubernetes.io/kube-apiserver-client'))).toBe('PEM for digital signature,client auth')
  expect(signed(requestFor(jane, 'kubernetes.io/kube-apiserver-client', { status: {} }))).toBeUndefined()
  expect(signed(requestFor(jane, 'example.com/signer'))).toBeUndefined()
})

it.each([
  ['kube-apiserver-client', { commonName: 'j' }, ['server auth'], 'invalid usage for client certificate: server auth'],
  [
    'kube-apiserver-client',
    { commonName: 'j' },
    ['digital signature'],
    'missing required usage for client certificate: client auth',
  ],
  ['kube-apiserver-client-kubelet', { commonName: 'j' }, clientUsages, 'subject organization is not system:nodes'],
  ['kube-apiserver-client-kubelet', { ...node, dnsNames: ['a'] }, clientUsages, 'DNS subjectAltNames are not allowed'],
  [
    'kube-apiserver-client-kubelet',
    { ...node, commonName: 'j' },
    clientUsages,
    'subject common name does not begin with system:node:',
  ],
  ['kubelet-serving', node, ['digital signature', 'server auth'], 'DNS or IP subjectAltName is required'],
  [
    'kubelet-serving',
    { ...node, addresses: ['10.0.0.1'] },
    clientUsages,
    'usages did not match [digital signature key encipherment server auth]',
  ],
  [
    'kubelet-serving',
    { ...node, addresses: ['10.0.0.1'] },
    ['digital signature', 'server auth'],
    'PEM for digital signature,server auth',
  ],
])('%s: demands what is due', (signer, wanted: Wanted, usages, outcome) => {
  expect(signed(requestFor(wanted, `kubernetes.io/${signer}`, { usages }))).toBe(outcome)
})

it('approves a kubelet that may have a certificate, and nobody else', async () => {
  const signer = 'kubernetes.io/kube-apiserver-client-kubelet'
  const reviewed = async (request: Request, allowed: string) => {
    await using h = await harness(
      (parts) => {
        const client = Object.create(parts.client, {
          create: {
            value: async (_: unknown, review: { spec: { resourceAttributes: { subresource: string } } }) => ({
              status: { allowed: review.spec.resourceAttributes.subresource === allowed },
            }),
          },
        }) as typeof parts.client
        return [certificateApprover({ ...parts, client })]
      },
      [request as never],
    )
    return h.client.find(certificateSigningRequests, { name: 'r' })?.status?.conditions?.map(({ message }) => message)
  }
  const pending = (username: string, wanted = node) => requestFor(wanted, signer, { username, status: {} })
  expect(await reviewed(pending('system:node:n1'), 'selfnodeclient')).toEqual([
    'Auto approving self kubelet client certificate after SubjectAccessReview.',
  ])
  expect(await reviewed(pending('system:bootstrap:abcdef'), 'nodeclient')).toEqual([
    'Auto approving kubelet client certificate after SubjectAccessReview.',
  ])
  expect(await reviewed(pending('system:bootstrap:abcdef'), 'selfnodeclient')).toBeUndefined()
  expect(await reviewed(pending('j', { commonName: 'j' }), 'nodeclient')).toBeUndefined()
})

it('clears away what is decided after an hour and what nobody looked at after a day', () => {
  const at = timestamp(now)
  const left = (status: object) => reconcileCleaning(requestFor(node, 'example.com/s', { status }), now).requeueAfter
  expect(left({})).toBe(24 * 3600_000)
  expect(left({ conditions: [{ type: 'Denied', status: 'True', lastUpdateTime: at }] })).toBe(3600_000)
  expect(left({ conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: at }] })).toBeUndefined()
})

it('works together: signed once, gone an hour later', async () => {
  const request = requestFor({ commonName: 'jane' }, 'kubernetes.io/kube-apiserver-client', {
    status: { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: timestamp(now) }] },
  })
  let signatures = 0
  const sign = () => `PEM ${++signatures}`
  await using h = await harness(
    (parts) => [certificateSigner({ ...parts, sign }), certificateCleaner(parts)],
    [request as never],
  )
  expect(h.client.find(certificateSigningRequests, { name: 'r' })?.status?.certificate).toBeDefined()
  await h.run(3600_001)
  expect(h.client.find(certificateSigningRequests, { name: 'r' })).toBeUndefined()
  expect(signatures).toBe(1)
})
