import type { KubeObject } from '#shared/kube/object.ts'
import { CertificateRequestError, parseCertificateRequest } from '../../base/certificate-request.ts'
import type { AdmissionPlugin } from '../registry/kind.ts'
import { created, forbidden } from './request.ts'

const signer = 'kubernetes.io/kube-apiserver-client'
const masters = 'system:masters'

type Request = KubeObject & { spec?: { signerName?: string; request?: string } }

/** No certificate for the group that may do everything: it could not be taken back. */
export const certificateSubjectRestriction: AdmissionPlugin = {
  name: 'CertificateSubjectRestriction',
  validate(request) {
    const asked = created<Request>(request, 'certificates.k8s.io', 'certificatesigningrequests')
    if (asked?.spec?.signerName !== signer) return
    if (organizationsOf(asked.spec.request ?? '').includes(masters)) {
      throw forbidden(request, `use of ${signer} signer with ${masters} group is not allowed`)
    }
  },
}

function organizationsOf(request: string): readonly string[] {
  try {
    return parseCertificateRequest(request).organizations
  } catch (error) {
    // What cannot be read has failed validation before.
    if (error instanceof CertificateRequestError) return []
    throw error
  }
}
