import { afterEach, beforeEach, expect, it } from 'vitest'
import { forbidden } from '#shared/kube/status.ts'
import { contextsOf } from '../testing/contexts.ts'
import { FakeApiServer } from '../testing/fake-api-server.ts'

let server: FakeApiServer
let catalogue: ReturnType<typeof contextsOf>
beforeEach(async () => {
  server = await FakeApiServer.start()
  catalogue = contextsOf(server)
})
afterEach(async () => {
  catalogue[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const jane = { user: 'jane', groups: ['dev', 'ops'] }
const viewedAs = () => catalogue.contexts.list().find(({ id }) => id === catalogue.context)?.viewedAs
const ask = async () => {
  await catalogue.contexts.connection(catalogue.context).json('/api/v1/pods')
  const { headers } = server.requests.at(-1)!
  return [headers['impersonate-user'], headers['impersonate-group']]
}

it('speaks for somebody else from then on, and for oneself again', async () => {
  await catalogue.contexts.viewAs(catalogue.context, jane)
  expect(await ask()).toEqual(['jane', 'dev, ops'])
  expect(viewedAs()).toEqual(jane)
  await catalogue.contexts.viewAs(catalogue.context, undefined)
  expect(await ask()).toEqual([undefined, undefined])
  expect(viewedAs()).toBeUndefined()
})

it('stays oneself where the server does not let one speak for others', async () => {
  server.fault = ({ headers }) =>
    headers['impersonate-user']
      ? forbidden(
          { group: '', plural: 'users' },
          'jane',
          'User "me" cannot impersonate resource "users" in API group ""',
        )
      : undefined
  await expect(catalogue.contexts.viewAs(catalogue.context, jane)).rejects.toThrow('cannot impersonate')
  expect(viewedAs()).toBeUndefined()
  expect(await ask()).toEqual([undefined, undefined])
})

it('looks as somebody who may see nothing at all', async () => {
  server.fault = ({ headers }) =>
    headers['impersonate-user']
      ? forbidden({ group: '', plural: 'paths' }, '', 'User "jane" cannot get path')
      : undefined
  await catalogue.contexts.viewAs(catalogue.context, jane)
  expect(viewedAs()).toEqual(jane)
})
