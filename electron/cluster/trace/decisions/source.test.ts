import type { Pod } from 'kubernetes-types/core/v1'
import { expect, it } from 'vitest'
import { keyOf } from '#shared/kube/object.ts'
import { FakeClock } from '../../base/fake-clock.ts'
import { FakeClient } from '../../client/testing/fake-client.ts'
import { DecisionRing, type PlacedAnswer } from '../../scheduler/decisions.ts'
import { pod } from '../../scheduler/testing.ts'
import { DecisionSource } from './source.ts'

const placed = (name: string, namespace = 'default', uid = `uid-${name}`): PlacedAnswer => ({
  pod: `${namespace}/${name}`,
  uid,
  at: 0,
  node: 'n1',
  scores: [],
  fitting: 1,
  examined: 2,
})

function start(pods: readonly Pod[], answers: readonly PlacedAnswer[]) {
  const clock = new FakeClock()
  const client = new FakeClient({ clock, objects: pods })
  const source = new DecisionSource({ clock, client: () => client })
  const decisions = new DecisionRing()
  for (const answer of answers) decisions.record(answer)
  const scheduler = { decisions, waiting: () => undefined, answersTo: () => true }
  const byKey = new Map(pods.map((one) => [keyOf(one), one]))
  const lister = { get: (key: string) => byKey.get(key), list: () => pods }
  const following = source.follow({ scheduler, pods: lister, nodes: lister } as never)
  const names = async (namespace?: string) => (await source.list(namespace)).map((one) => one.metadata!.name)
  return { source, following, names }
}

it('answers for all pods that wait, and for those whose placing is remembered', async () => {
  const done = { ...pod('done'), status: { phase: 'Succeeded' } }
  const bound = (name: string, namespace = 'default') => pod(name, { namespace, nodeName: 'n1' })
  const { names, source } = start(
    [pod('waits'), done, bound('known'), bound('forgotten'), bound('elsewhere', 'shop')],
    [placed('known'), placed('elsewhere', 'shop'), placed('gone')],
  )
  expect(await names()).toEqual(['known', 'waits', 'elsewhere'])
  expect(await names('shop')).toEqual(['elsewhere'])
  expect(await source.get('default', 'known')).toMatchObject({ result: 'Placed' })
  expect(await source.get('default', 'waits')).toMatchObject({ result: 'Waiting' })
  for (const name of ['forgotten', 'gone', 'done'])
    expect([name, await source.get('default', name)]).toEqual([name, undefined])
})

it('takes no answer about a pod for one about another that has its name by now', async () => {
  const { names } = start([pod('again', { nodeName: 'n1' })], [placed('again', 'default', 'uid-of-before')])
  expect(await names()).toEqual([])
})

it('says that the scheduler is not here once it has stopped', async () => {
  const { following, source } = start([], [])
  following[Symbol.dispose]()
  await expect(source.list(undefined)).rejects.toThrow('the scheduler is not running in this server')
})
