import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { KubeObject } from '#shared/kube/object.ts'
import { pods } from '#shared/kube/resources.ts'
import { forbidden, serviceUnavailable } from '#shared/kube/status.ts'
import { contextsOf } from '../testing/contexts.ts'
import { FakeApiServer, podsOf } from '../testing/fake-api-server.ts'
import { FakeOutlet } from '../testing/outlet.ts'
import { objectStreams } from './watch.ts'

let server: FakeApiServer
let catalogue: ReturnType<typeof contextsOf>
beforeEach(async () => {
  server = await FakeApiServer.start()
  catalogue = contextsOf(server)
})
afterEach(async () => {
  for (const outlet of outlets.splice(0)) outlet.close()
  catalogue[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

type Message = { object?: unknown; gone?: boolean }
const outlets: FakeOutlet<Message>[] = []
function open(name = 'web') {
  const outlet = new FakeOutlet<Message>()
  outlets.push(outlet)
  const done = objectStreams(catalogue.contexts, () => 10)['object.watch'](
    { context: catalogue.context, resource: pods, namespace: 'default', name },
    outlet,
  )
  const heard = () =>
    outlet.heard.map(({ object, gone }) =>
      gone ? 'gone' : (object as { spec?: { nodeName?: string } }).spec?.nodeName,
    )
  return { outlet, done, heard }
}
const put = (nodeName: string, name = 'web') =>
  server.store.put(podsOf('default'), { metadata: { name }, spec: { nodeName } } as KubeObject)
const until = (check: () => void) => vi.waitFor(check, 5000)
const watching = () => until(() => expect(server.watching).toBe(1))

it('tells the object, its changes, and its end', async () => {
  put('a')
  const { done, heard } = open()
  await watching()
  put('other', 'another')
  put('b')
  await until(() => expect(heard()).toEqual(['a', 'b']))
  server.store.remove(podsOf('default'), 'web')
  await done
  expect(heard()).toEqual(['a', 'b', 'gone'])
})

it('says at once that there is none', async () => {
  const { done, heard } = open()
  await done
  expect(heard()).toEqual(['gone'])
})

it('ends with the server’s words when it refuses', async () => {
  server.fault = () => forbidden({ group: '', plural: 'pods' }, 'web', 'no')
  await expect(open().done).rejects.toMatchObject({ code: 403 })
})

it('ends when the server cannot be reached before it was ever seen, and holds on afterwards', async () => {
  put('a')
  server.fault = () => 'cut'
  await expect(open().done).rejects.toMatchObject({ reason: 'Unreachable' })
  server.fault = () => undefined
  const { heard } = open()
  await watching()
  server.fault = () => serviceUnavailable('restarting')
  server.endWatches('cut')
  await until(() => expect(server.requests.length).toBeGreaterThan(6))
  put('b')
  server.fault = () => undefined
  await until(() => expect(heard()).toEqual(['a', 'b']))
})

it('says nothing twice when the watch is opened anew', async () => {
  put('a')
  const { heard } = open()
  await watching()
  server.endWatches()
  await until(() => expect(server.asked(/watch=true/)).toHaveLength(2))
  expect(heard()).toEqual(['a'])
})
