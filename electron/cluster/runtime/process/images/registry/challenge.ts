/** What a server wants to see: the scheme in lower case, and its parameters. */
export interface Challenge {
  scheme: string
  parameters: Readonly<Record<string, string>>
}

const one = /([a-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([a-z0-9!#$%&'*+.^_`|~-]+)(?=\s|,|$)/gi

const longestHeader = 4096

/** Reads a WWW-Authenticate header, which may hold several challenges. Source: RFC 9110, section 11. */
export function parseChallenges(header: string): Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = []
  for (const [, name, quoted, plain, scheme] of header.slice(0, longestHeader).matchAll(one)) {
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), parameters: {} })
    else if (name !== undefined && found.length)
      found.at(-1)!.parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? ''
  }
  return found
}
