import { bits, objectIdentifier, sequence } from '../../base/der.ts'
import { extension } from '../../base/certificate.ts'

/** Bits of the KeyUsage extension, by the names of certificates.k8s.io. */
const keyUsages = [
  'digital signature',
  'content commitment',
  'key encipherment',
  'data encipherment',
  'key agreement',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
]
const extendedUsages: Readonly<Record<string, string>> = {
  any: '2.5.29.37.0',
  'server auth': '1.3.6.1.5.5.7.3.1',
  'client auth': '1.3.6.1.5.5.7.3.2',
  'code signing': '1.3.6.1.5.5.7.3.3',
  'email protection': '1.3.6.1.5.5.7.3.4',
  's/mime': '1.3.6.1.5.5.7.3.4',
  'ipsec end system': '1.3.6.1.5.5.7.3.5',
  'ipsec tunnel': '1.3.6.1.5.5.7.3.6',
  'ipsec user': '1.3.6.1.5.5.7.3.7',
  timestamping: '1.3.6.1.5.5.7.3.8',
  'ocsp signing': '1.3.6.1.5.5.7.3.9',
  'microsoft sgc': '1.3.6.1.4.1.311.10.3.3',
  'netscape sgc': '2.16.840.1.113730.4.1',
}

/** The extensions that say so, DER. Source: pkg/controller/certificates/authority/policies.go. */
export function usageExtensions(usages: readonly string[]): Buffer[] {
  const asked = [...new Set(usages.map((usage) => (usage === 'signing' ? 'digital signature' : usage)))]
  const places = asked.map((usage) => keyUsages.indexOf(usage)).filter((place) => place >= 0)
  const extended = [...new Set(asked.flatMap((usage) => extendedUsages[usage] ?? []))].sort()
  return [
    ...(places.length ? [extension('2.5.29.15', bitString(places), true)] : []),
    ...(extended.length ? [extension('2.5.29.37', sequence(...extended.map(objectIdentifier)))] : []),
  ]
}

/** Trailing zeros are left out, as the distinguished encoding wants. */
function bitString(places: readonly number[]): Buffer {
  const last = Math.max(...places)
  const bytes = Buffer.alloc((last >> 3) + 1)
  for (const place of places) bytes[place >> 3]! |= 0x80 >> (place & 7)
  return bits(bytes, 7 - (last & 7))
}
