/** The spec of an APIService, which the typed client does not describe. */
export interface ApiServiceSpec {
  group?: string
  version?: string
  service?: { namespace?: string; name?: string; port?: number }
  caBundle?: string
  insecureSkipTLSVerify?: boolean
  groupPriorityMinimum?: number
  versionPriority?: number
}
