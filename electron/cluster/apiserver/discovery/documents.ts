import { createHash } from 'node:crypto'
import type { KindIndex } from '../kinds/kind-index.ts'
import { groupDiscoveryList } from './aggregated.ts'
import { servedGroups, type ServedGroup } from './groups.ts'
import { apiGroup, apiGroupList, apiResourceList } from './legacy.ts'

/** A document that changes with the kinds only, with what names its content. */
export interface Document {
  readonly body: Buffer
  readonly etag: string
  readonly contentType: string
}

export interface DocumentSource {
  /**
   * The JSON document at /api, /apis or below; undefined where there is none. `aggregated`: the version of the aggregated
   * form, where that is wanted. `address` is where clients find the server.
   */
  find(path: string, aggregated: string | undefined, address: string): Document | undefined
}

/** Discovery of the kinds that are served; made on first use, and again when they have changed. */
export class DiscoveryDocuments implements DocumentSource {
  readonly #kinds: KindIndex
  readonly #made = new Map<string, Document>()
  #groups: readonly ServedGroup[] = []
  #changes = -1

  constructor(kinds: KindIndex) {
    this.#kinds = kinds
  }

  find(path: string, aggregated: string | undefined, address: string): Document | undefined {
    if (this.#changes !== this.#kinds.changes) {
      this.#changes = this.#kinds.changes
      this.#groups = servedGroups(this.#kinds)
      this.#made.clear()
    }
    const parts = path.split('/').filter(Boolean)
    const [root, group, version] = parts
    if (parts.length > 3) return undefined
    if (parts.length === 1) {
      if (aggregated) return this.#aggregated(root === 'api', aggregated)
      if (root === 'apis') return this.#json('/apis', () => apiGroupList(this.#groups))
      return this.#json(`/api ${address}`, () => this.#apiVersions(address))
    }
    if (root === 'api') return parts.length === 2 ? this.#resources('', group!) : undefined
    const served = this.#groups.find((candidate) => candidate.group === group && group !== '')
    if (!served) return undefined
    if (version) return this.#resources(served.group, version)
    return this.#json(path, () => ({ kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(served) }))
  }

  #apiVersions(address: string): object {
    const core = this.#groups.find(({ group }) => group === '')
    return {
      kind: 'APIVersions',
      versions: core?.versions.map(({ version }) => version) ?? [],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }],
    }
  }

  #resources(group: string, version: string): Document | undefined {
    const served = this.#groups
      .find((candidate) => candidate.group === group)
      ?.versions.find((candidate) => candidate.version === version)
    return served && this.#json(`${group}/${version}`, () => apiResourceList(group, served))
  }

  #aggregated(core: boolean, version: string): Document {
    const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
    const groups = this.#groups.filter(({ group }) => (group === '') === core)
    return this.#json(`${core} ${version}`, () => groupDiscoveryList(groups, version), contentType)
  }

  #json(key: string, make: () => object, contentType = 'application/json'): Document {
    let document = this.#made.get(key)
    if (!document) this.#made.set(key, (document = documentOf(Buffer.from(`${JSON.stringify(make())}\n`), contentType)))
    return document
  }
}

export const documentOf = (body: Buffer, contentType: string): Document => ({
  body,
  etag: `"${createHash('sha512').update(body).digest('hex').toUpperCase()}"`,
  contentType,
})
