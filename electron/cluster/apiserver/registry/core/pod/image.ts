/** References to images, as the distribution library reads them. */
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const reference = new RegExp(
  `^(?<path>${component}(?:/${component})*)(?::(?<tag>[\\w][\\w.-]{0,127}))?(?<digest>@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`,
)
const domain =
  /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]+)?$/

/** The tag, `latest` where neither tag nor digest is given, '' where the text is no reference or has only a digest. */
export function tagOf(image: string): string {
  if (/^[a-f0-9]{64}$/.test(image)) return ''
  const slash = image.indexOf('/')
  const first = image.slice(0, Math.max(slash, 0))
  const hasDomain = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase()
  if (hasDomain && !domain.test(first)) return ''
  const rest = hasDomain ? image.slice(slash + 1) : image
  const parts = reference.exec(rest)?.groups
  const host = hasDomain ? first : 'docker.io'
  if (!parts || `${host}/${slash < 0 ? 'library/' : ''}${parts.path}`.length > 255) return ''
  return parts.tag ?? (parts.digest ? '' : 'latest')
}

/** `latest`, said or implied, is looked for anew each time. */
export const pullPolicyOf = (image: string): 'Always' | 'IfNotPresent' =>
  tagOf(image) === 'latest' ? 'Always' : 'IfNotPresent'
