import { kindsOf } from '../define.ts'
import type { KindDefinition } from '../kind.ts'
import { bindPod, type Binding } from './pod/binding.ts'

const define = kindsOf('', 'v1')

/** The old way to bind a pod, of the binding's own name. */
export const binding: KindDefinition<Binding> = define<Binding>({
  kind: 'Binding',
  plural: 'bindings',
  namespaced: true,
  verbs: ['create'],
  virtual: { create: (input, context, services) => bindPod(input, input.metadata?.name ?? '', services, context) },
})
