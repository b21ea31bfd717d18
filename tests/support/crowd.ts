import type { Kubectl } from './kubectl.ts'

/** A Deployment of so many pods that exist in the API only. */
export const crowdOf = (replicas: number): string =>
  JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'crowd' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'crowd' } },
      template: {
        metadata: { labels: { app: 'crowd' } },
        spec: {
          tolerations: [{ key: 'wheelhouse.dev/simulated', operator: 'Exists' }],
          nodeSelector: { 'wheelhouse.dev/simulated': 'true' },
          containers: [{ name: 'c', image: 'registry.example.com/crowd:1', resources: { requests: { cpu: '1m' } } }],
        },
      },
    },
  })

/** Applies it and waits until all of them run. */
export async function gather(kubectl: Kubectl, replicas: number, patienceMs: number): Promise<void> {
  const { code, stderr } = await kubectl.run(['apply', '-f', '-'], crowdOf(replicas))
  if (code !== 0) throw new Error(stderr)
  const end = Date.now() + patienceMs
  for (;;) {
    const ready = await kubectl('get', 'deployment', 'crowd', '-o', 'jsonpath={.status.readyReplicas}')
    if (Number(ready) === replicas) return
    if (Date.now() > end) throw new Error(`after ${patienceMs} ms ${ready || 0} of ${replicas} pods were ready`)
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}
