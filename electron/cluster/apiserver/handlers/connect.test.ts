import { expect, it } from 'vitest'
import type { AdmissionPlugin, AdmissionRequest, Subresource } from '../registry/kind.ts'
import { smallCore } from '../testing/small-core.ts'
import { admitConnect } from './connect.ts'

const exec: Subresource = { name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'], connect: 'exec' }

it('asks those about streams that want to be asked, in terms of the options', async () => {
  const asked: AdmissionRequest[] = []
  const plugin = (name: string, connects: boolean): AdmissionPlugin => ({
    name,
    connects,
    mutate: (request) => void asked.push(request),
    validate: (request) => void asked.push(request),
  })
  const small = smallCore({ admission: [plugin('all', false), plugin('dynamic', true)] })
  const op = small.op('pods', 'one', { subresource: exec })
  await admitConnect(small.core, op, new URLSearchParams('container=c&stdin=true&tty=false&command=sh&command=-c'))
  expect(asked).toHaveLength(2)
  expect(asked[0]).toMatchObject({
    operation: 'CONNECT',
    subresource: 'exec',
    name: 'one',
    object: { apiVersion: 'v1', kind: 'PodExecOptions', container: 'c', stdin: true, command: ['sh', '-c'] },
  })
})

it('opens the stream with the options as admission has changed them', async () => {
  const plugin: AdmissionPlugin = {
    name: 'sidecar',
    connects: true,
    mutate: ({ object }) => void Object.assign(object!, { container: 'safe', command: ['id'], stdin: false }),
  }
  const small = smallCore({ admission: [plugin] })
  const op = small.op('pods', 'one', { subresource: exec })
  const query = new URLSearchParams('container=c&stdin=true&command=sh&command=-c&other=x')
  const changed = await admitConnect(small.core, op, query)
  expect(changed.toString()).toBe('other=x&stdin=false&container=safe&command=id')
})

it('leaves the query as it is where admission changes nothing', async () => {
  const small = smallCore({ admission: [{ name: 'idle', connects: true }] })
  const query = new URLSearchParams('stdin=1')
  expect(await admitConnect(small.core, small.op('pods', 'one', { subresource: exec }), query)).toBe(query)
})
