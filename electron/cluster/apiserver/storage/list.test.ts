import { expect, it } from 'vitest'
import { parseFieldSelector } from '#shared/kube/field-selectors.ts'
import { parseSelector } from '#shared/kube/selectors.ts'
import { configMap, pod, smallCore, type SmallCore } from '../testing/small-core.ts'
import { decodeContinue, encodeContinue } from './continue-token.ts'
import { listEntries, type ListRequest } from './list.ts'

const request = (more: Partial<ListRequest> & { label?: string; field?: string } = {}): ListRequest => ({
  namespace: undefined,
  labels: parseSelector(more.label),
  fields: parseFieldSelector(more.field),
  limit: 0,
  continue: '',
  revision: undefined,
  exact: false,
  ...more,
})

const listed = async ({ kind, clock }: SmallCore, plural: string, more: Parameters<typeof request>[0] = {}) => {
  const page = await listEntries(kind(plural), request(more), clock)
  return { ...page, names: page.entries.map((entry) => entry.key.slice(entry.key.lastIndexOf('/') + 1)) }
}

async function five(): Promise<SmallCore> {
  const small = smallCore()
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await small.create(configMap(name, { metadata: { name, labels: { odd: String('ace'.includes(name)) } } }))
  return small
}

it('pages through one state of the world, whatever is written meanwhile', async () => {
  const small = await five()
  const first = await listed(small, 'configmaps', { limit: 2 })
  expect(first).toMatchObject({ names: ['a', 'b'], remaining: 3 })
  await small.create(configMap('bb'))
  const second = await listed(small, 'configmaps', { limit: 2, continue: first.continue! })
  expect(second.names).toEqual(['c', 'd'])
  expect(second.revision).toBe(first.revision)
  const third = await listed(small, 'configmaps', { limit: 2, continue: second.continue! })
  expect(third.names).toEqual(['e'])
  expect(third.continue).toBeUndefined()
})

it('answers an expired continue with 410 and a token that goes on in the newest state', async () => {
  const small = await five()
  const first = await listed(small, 'configmaps', { limit: 2 })
  await small.create(configMap('cc'))
  await small.store.compact(small.store.revision)
  const failure = await listed(small, 'configmaps', { limit: 2, continue: first.continue! }).catch(
    (error: unknown) => error,
  )
  expect(failure).toMatchObject({ status: { code: 410, reason: 'Expired' } })
  const token = (failure as { status: { metadata: { continue: string } } }).status.metadata.continue
  expect((await listed(small, 'configmaps', { continue: token })).names).toEqual(['c', 'cc', 'd', 'e'])
})

it('does not say how much is left where a selector narrows', async () => {
  const small = await five()
  const page = await listed(small, 'configmaps', { limit: 2, label: 'odd=true' })
  expect(page.names).toEqual(['a', 'c'])
  expect(page.remaining).toBeUndefined()
  expect((await listed(small, 'configmaps', { limit: 2, label: 'odd=true', continue: page.continue! })).names).toEqual([
    'e',
  ])
})

it('finds pods by node without looking at the others, and one object by its name', async () => {
  const small = smallCore()
  await small.create(pod('one', 'n1'))
  await small.create(pod('two', 'n2'))
  await small.create(pod('three', 'n1'))
  expect((await listed(small, 'pods', { field: 'spec.nodeName=n1' })).names).toEqual(['one', 'three'])
  expect((await listed(small, 'pods', { field: 'spec.nodeName=n1', limit: 1 })).names).toEqual(['one'])
  expect((await listed(small, 'pods', { field: 'metadata.name=two', namespace: 'a' })).names).toEqual(['two'])
  expect((await listed(small, 'pods', { field: 'spec.nodeName=' })).names).toEqual([])
})

it('shows exactly the state that was asked for', async () => {
  const small = await five()
  const then = small.store.revision
  await small.create(configMap('f'))
  expect((await listed(small, 'configmaps', { revision: then, exact: true })).names).not.toContain('f')
  expect((await listed(small, 'configmaps', { revision: then })).names).toContain('f')
})

it('waits a little for a revision that is still to come, and says so when it does not', async () => {
  const small = await five()
  const future = listed(small, 'configmaps', { revision: small.store.revision + 1 })
  await small.create(configMap('f'))
  await small.clock.advance(100)
  expect((await future).names).toContain('f')
  const never = listed(small, 'configmaps', { revision: 999_999 }).catch((error: unknown) => error)
  await small.clock.advance(4000)
  expect(await never).toMatchObject({
    status: { code: 504, details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } },
  })
})

it('reads its own continue tokens and refuses others in the words of the real server', () => {
  expect(decodeContinue(encodeContinue({ revision: 7, after: 'a/b' }))).toEqual({ revision: 7, after: 'a/b' })
  expect(() => decodeContinue('garbage')).toThrow(
    "invalid continue token: continue key is not valid: invalid character '\\u0081' looking for beginning of value",
  )
})

it('pages through what matches, few among many, to the very end', async () => {
  const small = smallCore()
  const names = Array.from({ length: 2500 }, (_, i) => `m${String(i).padStart(4, '0')}`)
  for (const [i, name] of names.entries())
    await small.create(configMap(name, { metadata: { name, labels: { third: String(i % 3 === 0) } } }))
  const wanted = names.filter((_, i) => i % 3 === 0)
  const seen: string[] = []
  let token: string | undefined = ''
  for (let pages = 0; token !== undefined; pages++) {
    const page: Awaited<ReturnType<typeof listed>> = await listed(small, 'configmaps', {
      limit: 400,
      label: 'third=true',
      continue: token,
    })
    expect(page.entries.length <= 400 && pages < 4).toBe(true)
    seen.push(...page.names)
    token = page.continue
    await small.create(configMap(`m0000-${pages}`))
  }
  expect(seen).toEqual(wanted)
})
