import type { KubeObject } from '#shared/kube/object.ts'
import { semanticEqual } from '../registry/equal.ts'
import type { AccessAttributes, AdmissionPlugin, AdmissionRequest, UserInfo } from '../registry/kind.ts'
import { forbidden } from './request.ts'

type Request = KubeObject & {
  spec?: { signerName?: string }
  status?: { certificate?: string; conditions?: unknown[] }
}

export interface SignerDeps {
  may(user: UserInfo, attributes: AccessAttributes): boolean
}

/** Who approves for a signer must be allowed to approve for it. Source: plugin/pkg/admission/certificates/approval. */
export const certificateApproval = (deps: SignerDeps): AdmissionPlugin => ({
  name: 'CertificateApproval',
  validate(request) {
    if (isAbout(request, 'approval')) check(deps, request, 'approve')
  },
})

/** Who hands out certificates of a signer, or says that it failed, must be that signer. */
export const certificateSigning = (deps: SignerDeps): AdmissionPlugin => ({
  name: 'CertificateSigning',
  validate(request) {
    if (!isAbout(request, 'status')) return
    const [now, before] = [request.object as Request, request.old as Request]
    const isSame =
      now.status?.certificate === before.status?.certificate &&
      semanticEqual(now.status?.conditions, before.status?.conditions)
    if (!isSame) check(deps, request, 'sign')
  },
})

const isAbout = ({ kind, subresource, operation }: AdmissionRequest, asked: string): boolean =>
  kind.plural === 'certificatesigningrequests' &&
  kind.group === 'certificates.k8s.io' &&
  subresource === asked &&
  operation === 'UPDATE'

/** The signer itself, or all of its domain. */
function check({ may }: SignerDeps, request: AdmissionRequest, verb: 'approve' | 'sign'): void {
  const signer = (request.old as Request).spec?.signerName ?? ''
  const names = [signer, `${signer.slice(0, signer.indexOf('/'))}/*`]
  const allowed = names.some((name) =>
    may(request.user, {
      verb,
      isResource: true,
      group: 'certificates.k8s.io',
      version: '*',
      resource: 'signers',
      subresource: '',
      namespace: '',
      name,
      path: '',
    }),
  )
  if (!allowed)
    throw forbidden(request, `user not permitted to ${verb} requests with signerName ${JSON.stringify(signer)}`)
}
