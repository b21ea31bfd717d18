import { expect, it } from 'vitest'
import { healthAnswer, type HealthCheck } from './health.ts'
import { healthChecks } from './health-checks.ts'
import { StartHooks } from './start-hooks.ts'

const text = (answer: ReturnType<typeof healthAnswer>) => answer && [answer.status, String(answer.body)]
const ask = (checks: readonly HealthCheck[], url: string) => {
  const { pathname, searchParams } = new URL(url, 'https://localhost')
  return text(healthAnswer('readyz', pathname, searchParams, checks))
}
const checks: HealthCheck[] = [
  { name: 'ping', check: () => undefined },
  { name: 'etcd', check: () => 'gone' },
]

it('keeps the reason of a failure from who asks for all checks, and is verbose then', () => {
  const all = '[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n'
  expect(ask(checks, '/readyz')).toEqual([500, all])
  expect(ask(checks, '/readyz/etcd')).toEqual([500, 'internal server error: gone\n'])
})

it('leaves out what is excluded, by one name each time, and names what is not known', () => {
  expect(ask(checks, '/readyz?exclude=etcd')).toEqual([200, 'ok'])
  expect(ask(checks, '/readyz?exclude=etcd,ping&exclude=etcd&exclude=a&verbose')).toEqual([
    200,
    '[+]ping ok\n[+]etcd excluded: ok\nwarn: some health checks cannot be excluded: no matches for "a","etcd,ping"\nreadyz check passed\n',
  ])
})

it('is not ready before every part of the start is done', () => {
  const hooks = new StartHooks()
  const store = { outage: undefined } as never
  const pending = ['v1.', 'v1.apps']
  const { live, ready } = healthChecks({ store, stopped: new AbortController().signal, hooks, pending: () => pending })
  expect(ask(ready, '/readyz/informer-sync')?.[1]).toContain('3 informers not started yet: [generic-apiserver-')
  expect(ask(ready, '/readyz/autoregister-completion')?.[1]).toContain('missing APIService: [v1. v1.apps]')
  pending.length = 0
  const failing = () => live.filter(({ check }) => check() !== undefined).map(({ name }) => name.slice(14))
  expect(failing()).toHaveLength(30)
  for (const name of failing()) {
    expect(ask(ready, `/readyz/poststarthook/${name}`)).toEqual([500, 'internal server error: not finished\n'])
    hooks.finished(name as never)
  }
  expect(ask(ready, '/readyz')).toEqual([200, 'ok'])
})
