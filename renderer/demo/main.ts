import { startApp } from '../app/start.ts'
import { FakeWorkbench, Refusal, type FakeOptions } from '../data/testing/fake-workbench.ts'

/** The UI on a workbench in memory. `demo.html?pods=50000&theme=dark&delay=400&fail=forbidden#/c/builtin/k/pods` */
const wish = new URL(location.href).searchParams
const failures: Record<string, Partial<FakeOptions>> = {
  forbidden: {
    freshness: {
      state: 'forbidden',
      message: 'pods is forbidden: User "jane" cannot list resource "pods" in API group "" at the cluster scope',
    },
    empty: true,
  },
  failed: {
    freshness: { state: 'failed', message: 'The server answered with status 500.', cure: 'Look at its logs.' },
    empty: true,
  },
  loading: { freshness: { state: 'loading', loaded: 12_500, total: 50_000 } },
  reconnecting: {
    freshness: { state: 'reconnecting', since: Date.now() - 240_000, message: '' },
  },
  failing: {
    connection: {
      state: 'failed',
      message: 'The certificate of the server expired on 3 November.',
      cure: 'Renew it, for instance with kubeadm certs renew.',
    },
  },
}
const theme = wish.get('theme')
const builtin = wish.get('builtin')
const workbench = new FakeWorkbench({
  extraPods: Number(wish.get('pods') ?? 0),
  empty: wish.has('empty'),
  delay: Number(wish.get('delay') ?? 0),
  welcomed: !wish.has('welcome'),
  ...(theme === 'light' || theme === 'dark' ? { theme } : {}),
  ...(builtin === 'starting' || builtin === 'stopped' || builtin === 'failed' ? { builtin } : {}),
  ...failures[wish.get('fail') ?? ''],
})
if (wish.get('refuse')) {
  workbench.refuse.set(
    wish.get('refuse')!,
    new Refusal(
      403,
      'Forbidden',
      'deployments.apps "hello" is forbidden: User "jane" cannot patch resource',
      'Ask for a role that may.',
    ),
  )
}
if (wish.get('fail') === 'reconnecting') {
  const since = Date.now()
  setTimeout(
    () => workbench.connection({ state: 'reconnecting', since, message: 'connect ECONNREFUSED 127.0.0.1:6443' }),
    800,
  )
}
Object.assign(window, { workbench })
startApp(workbench.connect)
