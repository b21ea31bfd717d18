import type { FieldError } from '#shared/kube/status.ts'
import { invalid, required } from '../validation/field.ts'
import { isDnsSubdomain } from '../validation/names.ts'
import { portNumber } from '../validation/numbers.ts'

export interface ServiceReference {
  namespace?: string | undefined
  name?: string | undefined
  path?: string | undefined
  port?: number | undefined
}

const form = '; desired format: https://host[/path]'

/** Source: apiserver/pkg/util/webhook.ValidateWebhookURL. */
export function validateWebhookUrl(url: string, path: string): FieldError[] {
  const errors: FieldError[] = []
  const [, scheme = '', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/s.exec(url) ?? []
  if (scheme.toLowerCase() !== 'https')
    errors.push(invalid(path, scheme.toLowerCase(), `'https' is the only allowed URL scheme${form}`))
  const [, authority = '', , query = '', fragment = ''] =
    /^(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(rest) ?? []
  const at = authority.lastIndexOf('@')
  const [user, host] = at < 0 ? [undefined, authority] : [authority.slice(0, at), authority.slice(at + 1)]
  if (!host) errors.push(invalid(path, host, `host must be specified${form}`))
  if (user !== undefined) errors.push(invalid(path, user, 'user information is not permitted in the URL'))
  if (fragment) errors.push(invalid(path, fragment, 'fragments are not permitted in the URL'))
  if (query) errors.push(invalid(path, query, 'query parameters are not permitted in the URL'))
  return errors
}

/** Source: apiserver/pkg/util/webhook.ValidateWebhookService. */
export function validateWebhookService(
  { name, namespace, path: url = '', port = 0 }: ServiceReference,
  path: string,
): FieldError[] {
  const errors: FieldError[] = []
  if (!name) errors.push(required(`${path}.name`, 'service name is required'))
  if (!namespace) errors.push(required(`${path}.namespace`, 'service namespace is required'))
  const wrong = portNumber(port)
  if (wrong.length) errors.push(invalid(`${path}.port`, port, `port is not valid: ${wrong.join(',')}`))
  const at = `${path}.path`
  if (url === '' || url === '/') return errors
  if (url === '//') return [...errors, invalid(at, url, 'segment[0] may not be empty')]
  if (!url.startsWith('/')) errors.push(invalid(at, url, "must start with a '/'"))
  for (const [i, step] of url.slice(1).replace(/\/$/, '').split('/').entries()) {
    if (!step) errors.push(invalid(at, url, `segment[${i}] may not be empty`))
    else for (const text of isDnsSubdomain(step)) errors.push(invalid(at, url, `segment[${i}]: ${text}`))
  }
  return errors
}
