import { isMap, type JsonObject } from './view.ts'

/** What a configuration is of, as upstream's errors say it: `apps/v1, Kind=Deployment`, or `/v1, Kind=Pod`. */
export const describeKind = (config: JsonObject, apiVersion: string): string =>
  `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${String(config['kind'] ?? '')}`

/** The same behind namespace and name: `default/web; apps/v1, Kind=Deployment`. */
export function describeConfiguration(config: JsonObject, apiVersion: string): string {
  const meta = isMap(config['metadata']) ? config['metadata'] : {}
  return `${String(meta['namespace'] ?? '')}/${String(meta['name'] ?? '')}; ${describeKind(config, apiVersion)}`
}
