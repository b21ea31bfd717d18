/**
 * Image references are compared, tagged and assigned to registries in the customs of Docker: `docker.io/library` and
 * `:latest` go without saying. Source: distribution/reference.
 */
export interface ImageName {
  registry: string
  repository: string
  tag: string
  digest: string
}

export function parseImageName(image: string): ImageName | undefined {
  const match =
    /^(?:(?=[^/]*[.:]|localhost\/)([^/]+)\/)?([a-z0-9]+(?:(?:[._]|__|-+|\/)[a-z0-9]+)*)(?::([\w][\w.-]{0,127}))?(?:@(\w+:[0-9a-fA-F]{32,}))?$/.exec(
      image,
    )
  if (!match) return undefined
  const [, registry = 'docker.io', repository = '', tag = '', digest = ''] = match
  const official = registry === 'docker.io' && !repository.includes('/')
  return {
    registry,
    repository: official ? `library/${repository}` : repository,
    tag: tag || (digest ? '' : 'latest'),
    digest,
  }
}

/** `docker.io/library/busybox:latest`; without the tag where there is a digest. */
export function writtenOut({ registry, repository, tag, digest }: ImageName): string {
  return `${registry}/${repository}${digest ? `@${digest}` : `:${tag}`}`
}

/** With `:latest` where the name has neither tag nor digest; undefined when it is no image name. */
export function withDefaultTag(image: string): string | undefined {
  const name = parseImageName(image)
  if (!name) return undefined
  return name.digest || image.endsWith(`:${name.tag}`) ? image : `${image}:${name.tag}`
}

/** Whether two references mean the same image: runtimes report names written out. */
export function sameImage(a: string, b: string): boolean {
  if (a === b) return true
  const [x, y] = [parseImageName(a), parseImageName(b)]
  if (!x || !y || x.registry !== y.registry || x.repository !== y.repository) return false
  return x.digest && y.digest ? x.digest === y.digest : x.tag === y.tag
}
