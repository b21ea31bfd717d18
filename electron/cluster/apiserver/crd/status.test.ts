import { rootCertificates } from 'node:tls'
import { expect, it } from 'vitest'
import type { Crd, Names } from '../registry/apiextensions/types.ts'
import { withStatus } from './status.ts'

const crd = (names: Names, more: Partial<Crd> = {}): Crd => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${names.plural}.example.com` },
  spec: { group: 'example.com', names },
  ...more,
})
const boats: Names = { plural: 'boats', singular: 'boat', kind: 'Boat', listKind: 'BoatList', shortNames: ['bt'] }
const conditions = ({ status }: Crd) =>
  Object.fromEntries(status!.conditions!.map(({ type, status: value, reason }) => [type, `${value} ${reason}`]))

it('accepts names first and establishes the definition when that has been seen', () => {
  const first = withStatus(crd(boats), [], 0)
  expect(first.status!.acceptedNames).toEqual(boats)
  expect(conditions(first)).toEqual({ NamesAccepted: 'True NoConflicts', Established: 'False Installing' })
  const second = withStatus(first, [], 1000)
  expect(conditions(second)).toEqual({ NamesAccepted: 'True NoConflicts', Established: 'True InitialNamesAccepted' })
  expect(withStatus(second, [], 5000)).toEqual(second)
})

it('refuses names that another definition of the group has, and keeps those that are free', () => {
  const other = { accepted: withStatus(crd(boats), [], 0).status!.acceptedNames! }
  const late = withStatus(crd({ ...boats, plural: 'ships', singular: 'ship', listKind: 'ShipList' }), [other], 0)
  expect(late.status!.acceptedNames).toEqual({ plural: 'ships', singular: 'ship', listKind: 'ShipList' })
  expect(conditions(late)).toEqual({ NamesAccepted: 'False KindConflict', Established: 'False NotAccepted' })
  expect(late.status!.conditions![0]!.message).toBe('"Boat" is already in use')
})

it('stays established when a later name is refused', () => {
  const own = withStatus(
    withStatus(
      crd({ ...boats, plural: 'ships', singular: 'ship', kind: 'Ship', listKind: 'ShipList', shortNames: ['s'] }),
      [],
      0,
    ),
    [],
    0,
  )
  const other = { accepted: withStatus(crd(boats), [], 0).status!.acceptedNames! }
  const renamed = withStatus(
    { ...own, spec: { ...own.spec, names: { ...own.spec!.names, shortNames: ['bt'] } } },
    [other],
    0,
  )
  expect(conditions(renamed)).toEqual({
    NamesAccepted: 'False ShortNamesConflict',
    Established: 'True InitialNamesAccepted',
  })
  expect(renamed.status!.acceptedNames!.shortNames).toEqual(['s'])
})

it('says whether a group of the project was approved', () => {
  const approved = crd(boats, {
    spec: { group: 'boats.k8s.io', names: boats },
    metadata: { name: 'x', annotations: { 'api-approved.kubernetes.io': 'https://github.com/x/y/pull/1' } },
  })
  expect(conditions(withStatus(approved, [], 0))['KubernetesAPIApprovalPolicyConformant']).toBe(
    'True ApprovedAnnotation',
  )
})

it('does not serve a definition while its webhook has authorities that are none', () => {
  const withBundle = (definition: Crd, pem: string): Crd => {
    const clientConfig = { url: 'https://x.io', caBundle: Buffer.from(pem).toString('base64') }
    const conversion = { strategy: 'Webhook', webhook: { clientConfig, conversionReviewVersions: ['v1'] } }
    return { ...definition, spec: { ...definition.spec, conversion } }
  }
  const first = withStatus(withBundle(crd(boats), '\n'), [], 0)
  const refused = withStatus(first, [], 1000)
  expect(conditions(refused)).toEqual({ NamesAccepted: 'True NoConflicts', Established: 'False InvalidCABundle' })
  expect(withStatus(refused, [], 2000)).toEqual(refused)
  const mended = withStatus(withBundle(refused, rootCertificates[0]!), [], 3000)
  expect(conditions(mended)).toMatchObject({ Established: 'True InitialNamesAccepted' })
})
