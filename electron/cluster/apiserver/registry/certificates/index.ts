import { X509Certificate } from 'node:crypto'
import type * as v1 from 'kubernetes-types/certificates/v1'
import type { KubeObject } from '#shared/kube/object.ts'
import type { FieldError } from '#shared/kube/status.ts'
import { humanDuration } from '#shared/kube/duration.ts'
import { timestamp } from '../../../base/clock.ts'
import { ageColumn, columnsOf, nameColumn } from '../columns/common.ts'
import { copyField, kindsOf } from '../define.ts'
import { jsonDiff } from '../diff.ts'
import { semanticEqual } from '../equal.ts'
import type { KindDefinition, Strategy, StrategyContext } from '../kind.ts'
import type { Loose } from '../loose.ts'
import { part, status } from '../subresources.ts'
import { pathSegment } from '../validation/names.ts'
import { duplicate, forbidden, invalid, notSupported, required } from '../validation/field.ts'
import { CertificateRequestError, parseCertificateRequest } from '../../../base/certificate-request.ts'
import { signerProblems } from './signer-name.ts'

type Condition = Loose<v1.CertificateSigningRequestCondition>
type Request = KubeObject & {
  spec?: Loose<v1.CertificateSigningRequestSpec>
  status?: { certificate?: string; conditions?: Condition[] }
}

const usages = [
  'any',
  'cert sign',
  'client auth',
  'code signing',
  'content commitment',
  'crl sign',
  'data encipherment',
  'decipher only',
  'digital signature',
  'email protection',
  'encipher only',
  'ipsec end system',
  'ipsec tunnel',
  'ipsec user',
  'key agreement',
  'key encipherment',
  'microsoft sgc',
  'netscape sgc',
  'ocsp signing',
  's/mime',
  'server auth',
  'signing',
  'timestamping',
]
const shortest = 600

function requestProblem(text: string): string | undefined {
  try {
    parseCertificateRequest(text)
    return undefined
  } catch (error) {
    if (error instanceof CertificateRequestError) return error.message
    throw error
  }
}

/** Source: validateCertificateSigningRequest. */
function validate({ spec = {}, status: now }: Request): FieldError[] {
  const errors: FieldError[] = []
  const problem = requestProblem(spec.request ?? '')
  if (problem) errors.push(invalid('spec.request', spec.request ?? '', problem))
  const asked = spec.usages ?? []
  if (!asked.length) errors.push(required('spec.usages'))
  for (const [i, usage] of asked.entries()) {
    if (!usages.includes(usage)) errors.push(notSupported(`spec.usages[${i}]`, usage, usages))
    if (asked.indexOf(usage) < i) errors.push(duplicate(`spec.usages[${i}]`, usage))
  }
  errors.push(...signerProblems(spec.signerName ?? '', 'spec.signerName'))
  if ((spec.expirationSeconds ?? shortest) < shortest) {
    errors.push(
      invalid(
        'spec.expirationSeconds',
        spec.expirationSeconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      ),
    )
  }
  return [...errors, ...validateConditions(now?.conditions)]
}

const legacyProblems = ({ spec }: Request): FieldError[] =>
  spec?.signerName === 'kubernetes.io/legacy-unknown'
    ? [invalid('spec.signerName', spec.signerName, 'the legacy signerName is not allowed via this API version')]
    : []

function validateConditions(conditions: readonly Condition[] | undefined): FieldError[] {
  const path = 'status.conditions'
  return (conditions ?? []).flatMap(({ type = '', status: value = '' }, i) => {
    const at = `${path}[${i}]`
    const errors = type ? [] : [required(`${at}.type`)]
    const isFinal = ['Approved', 'Denied', 'Failed'].includes(type)
    if (!value) errors.push(required(`${at}.status`))
    else if (!['True', 'False', 'Unknown'].includes(value))
      errors.push(notSupported(`${at}.status`, value, ['True', 'False', 'Unknown']))
    else if (isFinal && value !== 'True') errors.push(notSupported(`${at}.status`, value, ['True']))
    const before = conditions!.slice(0, i).map((other) => other.type ?? '')
    const opposite = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined
    if (opposite && before.includes(opposite))
      errors.push(invalid(path, type, 'Approved and Denied conditions are mutually exclusive'))
    if (before.includes(type)) errors.push(duplicate(`${at}.type`, type))
    return errors
  })
}

/** Source: validateCertificate; what is wrong within a certificate is said in the words of the platform. */
function certificateProblem(base64: string | undefined): string | undefined {
  const text = Buffer.from(base64 ?? '', 'base64').toString('latin1')
  if (!text) return undefined
  const blocks = [...text.matchAll(/-----BEGIN ([^\n]*?)-----\r?\n(.*?)-----END \1-----/gs)]
  if (!blocks.length) return 'must contain at least one CERTIFICATE PEM block'
  for (const [block, type, body = ''] of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`
    if (body.includes(':')) return 'no PEM block headers are permitted'
    try {
      new X509Certificate(block)
    } catch (error) {
      return (error as Error).message
    }
  }
  return undefined
}

/** Conditions of these sorts never go, and only /approval sets the first two. Source: validateCertificateSigningRequestUpdate. */
function validateUpdate(request: Request, old: Request, { subresource }: StrategyContext): FieldError[] {
  const errors = validate(request)
  const of = ({ status: now }: Request, type: string) =>
    (now?.conditions ?? []).filter((condition) => condition.type === type)
  for (const type of ['Approved', 'Denied', 'Failed']) {
    const [after, before] = [of(request, type), of(old, type)]
    if (after.length < before.length)
      errors.push(forbidden('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`))
    const mayAdd = type === 'Failed' ? subresource !== '' : subresource === 'approval'
    if (!mayAdd && after.length > before.length) {
      errors.push(forbidden('status.conditions', `updates may not add a condition of type ${JSON.stringify(type)}`))
    } else if (!mayAdd && type !== 'Failed' && after.length === before.length && !semanticEqual(after, before)) {
      const text = `updates may not modify a condition of type ${JSON.stringify(type)}`
      errors.push(forbidden('status.conditions', `${text}\n${jsonDiff(before, after)}`))
    }
  }
  const certificate = request.status?.certificate
  const problem = certificate === old.status?.certificate ? undefined : certificateProblem(certificate)
  if (problem) errors.push(invalid('status.certificate', '<certificate data>', problem))
  if (certificate !== old.status?.certificate) {
    if (subresource !== 'status')
      errors.push(forbidden('status.certificate', 'updates may not set certificate content'))
    else if (old.status?.certificate)
      errors.push(forbidden('status.certificate', 'updates may not modify existing certificate content'))
  }
  return errors
}

function stampConditions(request: Request, old: Request, { clock }: StrategyContext): void {
  const now = timestamp(clock.now())
  for (const condition of request.status?.conditions ?? []) {
    const before = old.status?.conditions?.find(({ type }) => type === condition.type)
    if (!before || !semanticEqual(before, condition)) condition.lastUpdateTime ??= now
    if (before?.status !== condition.status) condition.lastTransitionTime ??= now
  }
}

const approval: Partial<Strategy<Request>> = {
  prepareForUpdate(request, old, context) {
    const conditions = request.status?.conditions
    copyField(request, old, 'spec')
    request.status = { ...old.status }
    if (conditions) request.status.conditions = conditions
    stampConditions(request, old, context)
  },
}

function condition({ status: now }: Request): string {
  const has = (type: string) => now?.conditions?.some((each) => each.type === type)
  const word = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return `${word}${has('Failed') ? ',Failed' : ''}${now?.certificate ? ',Issued' : ''}`
}

const column = columnsOf<Request>('CertificateSigningRequest')

const define = kindsOf('certificates.k8s.io', 'v1')

const certificateSigningRequest: KindDefinition<Request> = define<Request>({
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  namespaced: false,
  shortNames: ['csr'],
  selectableFields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
  rules: {
    name: pathSegment,
    status: true,
    prepareForCreate(request, { user }) {
      const spec = (request.spec ??= {})
      spec.username = user.name
      spec.groups = [...user.groups]
      if (user.uid) spec.uid = user.uid
      else delete spec.uid
      if (user.extra)
        spec.extra = Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]))
      else delete spec.extra
    },
    prepareForUpdate(request, old, context) {
      copyField(request, old, 'spec')
      if (context.subresource === 'status') stampConditions(request, old, context)
    },
    validate: (request) => [...legacyProblems(request), ...validate(request)],
    validateUpdate,
    validateStatus: validateUpdate,
  },
  columns: [
    nameColumn,
    ageColumn,
    column('SignerName', ({ spec }) => spec?.signerName ?? '<none>'),
    column('Requestor', ({ spec }) => spec?.username ?? ''),
    column('RequestedDuration', ({ spec }) =>
      spec?.expirationSeconds === undefined ? '<none>' : humanDuration(spec.expirationSeconds * 1000),
    ),
    column('Condition', condition),
  ],
  subresources: [
    part('approval', 'CertificateSigningRequest', { strategy: approval as Partial<Strategy> }),
    status('CertificateSigningRequest'),
  ],
})

export const kinds: readonly KindDefinition[] = [certificateSigningRequest]
