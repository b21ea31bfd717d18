import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { KeyPair } from '../../base/certificate.ts'
import { writePrivateFile } from './key-files.ts'

export interface KubeconfigInput {
  /** URL of the API server. */
  server: string
  /** PEM. */
  authority: string
  client: KeyPair
  user: string
  context?: string
}

/** A kubeconfig that needs no other file. JSON-in-YAML strings keep every value literal. */
export function formatKubeconfig({ server, authority, client, user, context = 'wheelhouse' }: KubeconfigInput): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64')
  return `apiVersion: v1
kind: Config
clusters:
- name: ${context}
  cluster:
    server: ${server}
    certificate-authority-data: ${base64(authority)}
users:
- name: ${user}
  user:
    client-certificate-data: ${base64(client.certificate)}
    client-key-data: ${base64(client.key)}
contexts:
- name: ${context}
  context:
    cluster: ${context}
    user: ${user}
current-context: ${context}
preferences: {}
`
}

/** Writes a kubeconfig that only its owner can read. */
export function writeKubeconfig(file: string, input: KubeconfigInput): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  writePrivateFile(file, formatKubeconfig(input))
}
