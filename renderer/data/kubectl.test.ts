// @vitest-environment node
import { expect, it } from 'vitest'
import { deployments, nodes, pods } from '#shared/kube/resources.ts'
import { kubectl, quote, type KubectlTarget } from './kubectl.ts'

const target = (some: Partial<KubectlTarget> = {}): KubectlTarget => ({
  cluster: ['--context', 'dev'],
  resource: deployments,
  namespace: 'shop',
  name: 'web',
  ...some,
})

it('writes the line that does the same', () => {
  expect(kubectl.scale(target(), 3)).toBe('kubectl --context dev -n shop scale deployments.apps/web --replicas=3')
  expect(kubectl.undo(target(), 2)).toBe(
    'kubectl --context dev -n shop rollout undo deployments.apps/web --to-revision=2',
  )
  expect(kubectl.setImage(target(), 'app', 'web:v2')).toBe(
    'kubectl --context dev -n shop set image deployments.apps/web app=web:v2',
  )
  expect(kubectl.exec(target({ resource: pods }), 'app', ['sh', '-c', 'ls'])).toBe(
    'kubectl --context dev -n shop exec -it web -c app -- sh -c ls',
  )
  expect(kubectl.forward(target({ resource: pods }), undefined, 80)).toBe(
    'kubectl --context dev -n shop port-forward pod/web :80',
  )
})

it('names no namespace where there is none', () => {
  expect(kubectl.delete([target({ resource: nodes, namespace: undefined, name: 'n1' })])).toBe(
    'kubectl --context dev delete nodes n1',
  )
})

it('makes one line per namespace of several targets', () => {
  const lines = kubectl.delete([target(), target({ name: 'api' }), target({ namespace: 'other' })])
  expect(lines.split('\n')).toEqual([
    'kubectl --context dev -n shop delete deployments.apps web api',
    'kubectl --context dev -n other delete deployments.apps web',
  ])
})

it('quotes what a shell would take apart', () => {
  expect(quote('plain-name/1.2')).toBe('plain-name/1.2')
  expect(quote('two words')).toBe("'two words'")
  expect(quote("it's $HOME")).toBe(`'it'\\''s $HOME'`)
  expect(quote('')).toBe("''")
})
