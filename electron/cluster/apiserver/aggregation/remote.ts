import { Agent } from 'node:https'
import type { ConnectionOptions } from 'node:tls'
import type { KubeObject } from '#shared/kube/object.ts'
import type { Pki } from '../pki/pki.ts'
import type { ApiServiceSpec } from '../registry/apiregistration/types.ts'

export interface ApiService extends KubeObject {
  spec?: ApiServiceSpec
  status?: { conditions?: Condition[] }
}

export interface Condition {
  type: string
  status: string
  reason?: string
  message?: string
  lastTransitionTime?: string
}

/** A group's version that another server answers for. */
export interface Remote {
  /** Of its APIService. */
  readonly name: string
  readonly group: string
  readonly version: string
  readonly groupPriority: number
  readonly versionPriority: number
  readonly service: { readonly namespace: string; readonly name: string; readonly port: number }
  readonly tls: ConnectionOptions
  /** Connections to it, kept for the next request. */
  readonly agent: Agent
}

/** Undefined for what this server answers itself. */
export function remoteOf({ metadata, spec }: ApiService, pki: Pki): Remote | undefined {
  const { group = '', version = '', service, caBundle, insecureSkipTLSVerify: isInsecure } = spec ?? {}
  if (!service?.name || !service.namespace) return undefined
  const { certificate, key } = pki.frontProxy.client
  const tls: ConnectionOptions = {
    cert: certificate,
    key,
    servername: `${service.name}.${service.namespace}.svc`,
    ...(isInsecure ? { rejectUnauthorized: false } : {}),
    ...(caBundle ? { ca: Buffer.from(caBundle, 'base64').toString() } : {}),
  }
  return {
    name: metadata?.name ?? '',
    group,
    version,
    groupPriority: spec?.groupPriorityMinimum ?? 0,
    versionPriority: spec?.versionPriority ?? 0,
    service: { namespace: service.namespace, name: service.name, port: service.port ?? 443 },
    tls,
    agent: new Agent({ keepAlive: true, maxFreeSockets: 16, ...tls }),
  }
}
