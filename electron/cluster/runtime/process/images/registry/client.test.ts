import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { afterEach, expect, it } from 'vitest'
import { impatientClock } from '../testing/clock.ts'
import { buildImage, type BuiltImage } from '../testing/image.ts'
import { startRegistry, type RegistryOptions, type TestRegistry } from '../testing/registry.ts'
import { parseChallenges } from './challenge.ts'
import { RegistryClient, type RegistryDeps } from './client.ts'
import { isLoopback, request } from './requests.ts'
import { answerTo } from './tokens.ts'

const login = { username: 'me', password: 'pass:word' }

let registry: TestRegistry | undefined
let image: BuiltImage

async function serve(options: RegistryOptions = {}): Promise<TestRegistry> {
  image = await buildImage({ layers: [[{ name: 'file', content: 'content' }]] })
  registry = await startRegistry(options)
  registry.push('team/app', '1', image)
  return registry
}

afterEach(async () => {
  await registry?.[Symbol.asyncDispose]()
  registry = undefined
})

const client = (changes: Partial<RegistryDeps> = {}) =>
  new RegistryClient({ clock: impatientClock, registry: registry!.host, repository: 'team/app', ...changes })

it('gets a manifest by tag, and by digest, over plain HTTP on loopback', async () => {
  await serve()
  const byTag = await client().manifest('1')
  expect(byTag).toEqual({ bytes: image.manifest, digest: image.digest, mediaType: image.mediaType })
  expect((await client().manifest(image.digest)).digest).toBe(image.digest)
})

it('does not take a manifest that has another digest than the one that was asked for', async () => {
  await serve()
  const wrong = `sha256:${'0'.repeat(64)}`
  registry!.pushManifest('team/app', wrong, image)
  await expect(client().manifest(wrong)).rejects.toThrow(`came with the digest ${image.digest}`)
})

it('says what is not there, and who may not see it', async () => {
  await serve({ auth: 'basic', login })
  await expect(client({ login }).manifest('2')).rejects.toThrow(`${registry!.host}/team/app:2: not found`)
  await expect(client().manifest('1')).rejects.toThrow('failed to authorize: no basic auth credentials')
  await expect(client({ login: { ...login, password: 'wrong' } }).manifest('1')).rejects.toThrow(
    'pull access denied, repository does not exist or may require authorization: server message: unauthorized: unauthorized',
  )
})

it('logs in by Basic', async () => {
  await serve({ auth: 'basic', login })
  expect((await client({ login }).manifest('1')).digest).toBe(image.digest)
})

it('fetches a token, once for all that it asks for', async () => {
  await serve({ auth: 'bearer', login })
  const one = client({ login })
  await one.manifest('1')
  const { body } = await one.blob(image.layers[0]!.digest, 0)
  expect(await buffer(body)).toEqual(image.blobs.get(image.layers[0]!.digest))
  expect(registry!.requests.filter((path) => path === '/token')).toHaveLength(1)
})

it('fetches another token when the one before has run out', async () => {
  await serve({ auth: 'bearer', login })
  const one = client({ login })
  await one.manifest('1')
  let refused = 0
  registry!.onRequest = (asked, response) => {
    if (refused++ || !asked.url!.includes('/blobs/')) return false
    const challenge = `Bearer realm="http://${registry!.host}/token",service="test",scope="repository:team/app:pull"`
    response.writeHead(401, { 'www-authenticate': challenge }).end()
    return true
  }
  await expect(client({ login }).blob(image.layers[0]!.digest, 0)).resolves.toMatchObject({ offset: 0 })
})

it('gets a token without a login where anybody may read, and says when nobody without one may', async () => {
  await serve({ auth: 'bearer', login, open: 'team/app' })
  expect((await client().manifest('1')).digest).toBe(image.digest)
  registry!.push('team/secret', '1', image)
  await expect(client({ repository: 'team/secret' }).manifest('1')).rejects.toThrow(
    /^failed to authorize: failed to fetch anonymous token: unexpected status from GET request to http.*: 401 Unauthorized$/,
  )
  const wrong = { ...login, password: 'wrong' }
  await expect(client({ repository: 'team/secret', login: wrong }).manifest('1')).rejects.toThrow(
    /failed to fetch oauth token/,
  )
})

it('asks again where a registry is overloaded, but not for ever', async () => {
  await serve()
  let failures = 2
  registry!.onRequest = (_asked, response) => {
    if (failures-- <= 0) return false
    response.writeHead(503, { 'retry-after': '1' }).end()
    return true
  }
  expect((await client().manifest('1')).digest).toBe(image.digest)
  failures = 100
  await expect(client().manifest('1')).rejects.toThrow(
    /unexpected status from GET request to .*: 503 Service Unavailable/,
  )
  expect(failures).toBe(96)
})

it('tells where the bytes begin that it got', async () => {
  await serve()
  const { digest, size } = image.layers[0]!
  expect(await client().blob(digest, 5)).toMatchObject({ offset: 5 })
  registry!.onBlob = (_digest, _asked, response, content) => {
    response.end(content)
    return true
  }
  const { body, offset } = await client().blob(digest, 5)
  expect([offset, (await buffer(body)).length]).toEqual([0, size])
})

it('gives up a registry that falls silent', async () => {
  await serve()
  registry!.onBlob = (_digest, _asked, response, content) => {
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 3))
    return true
  }
  const { body } = await client({ silenceMs: 50 }).blob(image.layers[0]!.digest, 0)
  await expect(buffer(body)).rejects.toThrow()
})

it('follows to where blobs are kept, and leaves the login behind', async () => {
  await serve({ auth: 'basic', login })
  const seen: (string | undefined)[] = []
  const storage = createServer((asked, response) => {
    seen.push(asked.headers.authorization)
    response.end('stored')
  })
  await new Promise<void>((resolve) => storage.listen(0, '127.0.0.1', resolve))
  const { port } = storage.address() as AddressInfo
  registry!.onBlob = (_digest, _asked, response) => {
    response.writeHead(307, { location: `http://127.0.0.1:${port}/kept` }).end()
    return true
  }
  const { body } = await client({ login }).blob(image.layers[0]!.digest, 0)
  expect((await buffer(body)).toString()).toBe('stored')
  expect(seen).toEqual([undefined])
  await new Promise((resolve) => storage.close(resolve))
})

it('is not led around in circles, nor to plain text elsewhere', async () => {
  await serve()
  registry!.onBlob = (_digest, asked, response) => {
    response.writeHead(302, { location: asked.url }).end()
    return true
  }
  const { digest } = image.layers[0]!
  await expect(client().blob(digest, 0)).rejects.toThrow(/leads from one address to the next/)
  registry!.onBlob = (_digest, _asked, response) => {
    response.writeHead(302, { location: 'http://registry.example.com/blob' }).end()
    return true
  }
  await expect(client().blob(digest, 0)).rejects.toThrow(/only https is, except on loopback/)
})

it('does not take a login to this machine when a registry elsewhere names a token server there', async () => {
  await serve({ auth: 'bearer', login })
  const challenges = parseChallenges(`Bearer realm="http://${registry!.host}/token",service="test"`)
  const asked = { login, scope: 'repository:team/app:pull' }
  await expect(answerTo(challenges, { ...asked, host: 'registry.example.com' })).rejects.toThrow(
    `failed to authorize: failed to fetch oauth token: registry.example.com leads to this machine's own ${registry!.host}`,
  )
  expect(registry!.requests).toEqual([])
  expect(await answerTo(challenges, { ...asked, host: registry!.host })).toBe('Bearer token-for-team/app')
})

it('speaks plain HTTP to loopback alone', async () => {
  await expect(request(new URL('http://registry.example.com/v2/'), {})).rejects.toThrow(/only https is/)
  await expect(request(new URL('file:///etc/passwd'), {})).rejects.toThrow(/only https is/)
  const hosts = ['localhost', 'localhost:5000', '127.0.0.1', '127.9.9.9:1', '[::1]:5000']
  expect(hosts.filter(isLoopback)).toEqual(hosts)
  expect(['127.0.0.1.example.com', 'localhost.example.com', '10.0.0.1', '128.0.0.1'].some(isLoopback)).toBe(false)
})

it('reads challenges as servers write them', () => {
  expect(parseChallenges('Bearer realm="https://auth.example.com/token?a=1,2",service="x y", scope=plain')).toEqual([
    { scheme: 'bearer', parameters: { realm: 'https://auth.example.com/token?a=1,2', service: 'x y', scope: 'plain' } },
  ])
  expect(parseChallenges('Negotiate, Basic realm="a \\"quoted\\" one"')).toEqual([
    { scheme: 'negotiate', parameters: {} },
    { scheme: 'basic', parameters: { realm: 'a "quoted" one' } },
  ])
  expect(parseChallenges('')).toEqual([])
})
