import { busyboxBase } from '../../process/images/testing/busybox.ts'
import { buildImage } from '../../process/images/testing/image.ts'
import { startRegistry, type TestRegistry } from '../../process/images/testing/registry.ts'

/** Answers with the name of its host. */
const answer = `#!/bin/sh
printf 'Content-Type: application/json\\r\\n\\r\\n{"app":"hello","pod":"%s","version":"v2"}' "$(hostname)"
`

export interface TestImages extends AsyncDisposable {
  registry: TestRegistry
  /** What holds a pod's namespaces. */
  pause: string
  /** A shell with the usual tools. */
  shell: string
  /** A web server on port 8000 that tells which pod it is. */
  hello: string
}

/** A registry on loopback with images made of busybox. */
export async function serveImages(): Promise<TestImages> {
  const registry = await startRegistry()
  const Env = ['PATH=/bin']
  const make = async (name: string, tag: string, entrypoint: string[], ...more: { name: string; content: string }[]) =>
    registry.push(
      name,
      tag,
      await buildImage({
        layers: [busyboxBase(), more.map((entry) => ({ ...entry, mode: 0o755 }))],
        config: { Env, Entrypoint: entrypoint },
      }),
    )
  return {
    registry,
    pause: await make('pause', '1', ['sleep', '1000000']),
    shell: await make('shell', 'latest', ['sh'], { name: 'mark', content: 'of the image' }),
    hello: await make('hello', 'v2', ['httpd', '-f', '-p', '8000', '-h', '/www'], {
      name: 'www/cgi-bin/index.cgi',
      content: answer,
    }),
    [Symbol.asyncDispose]: () => registry[Symbol.asyncDispose](),
  }
}
