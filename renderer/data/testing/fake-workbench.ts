import type { Frame, FramePort } from '#shared/ipc/channel.ts'
import type { ConnectionState } from '#shared/ipc/contexts.ts'
import type { Forward, Settings } from '#shared/ipc/hosts.ts'
import type { Freshness, ResourceRef } from '#shared/ipc/queries.ts'
import { kindId, presumedKinds } from '../kinds.ts'
import type { Connect } from '../ports.ts'
import { fakeApply, toYaml } from './fake-apply.ts'
import type { FakeCluster, FakeObject } from './fake-cluster.ts'
import { fakeLogs } from './fake-logs.ts'
import { fakeQuery, type FakeQuery } from './fake-query.ts'
import { reconcile } from './fake-rollouts.ts'
import { fakeShell } from './fake-shell.ts'
import { fakeWorld, type WorldOptions } from './fake-world.ts'
import { sampleYaml } from './fake-sample.ts'

export interface FakeOptions extends WorldOptions {
  /** Milliseconds before anything is answered. */
  delay?: number
  welcomed?: boolean
  /** What every query says of itself. */
  freshness?: Freshness
  connection?: ConnectionState
  builtin?: 'running' | 'starting' | 'stopped' | 'failed'
  theme?: Settings['theme']
  /** What is served besides what every cluster has. */
  kinds?: readonly ResourceRef[]
  /** Puts more objects there. */
  more?: (cluster: FakeCluster) => void
  /** Speed of rollouts. */
  speed?: number
  /** What a request is answered, and how a stream speaks, in place of what the cluster has to say. */
  answers?: Record<string, unknown>
  streams?: Record<string, (say: (value: unknown) => void, end: () => void) => void>
}

interface Call {
  method: string
  params: Record<string, unknown>
}

export class Refusal extends Error {
  readonly code: number
  readonly reason: string
  readonly cure: string | undefined

  constructor(code: number, reason: string, message: string, cure?: string) {
    super(message)
    this.code = code
    this.reason = reason
    this.cure = cure
  }
}

type Ref = { resource: { group: string; plural: string }; namespace?: string; name: string }

/** The contract, in memory. `calls` is what was asked; `drop` ends the connection as a crash would. */
export class FakeWorkbench {
  readonly cluster: FakeCluster
  readonly calls: Call[] = []
  /** Set to make a request fail. */
  readonly refuse = new Map<string, Refusal>()
  readonly #options: FakeOptions
  #settings: Settings
  #forwards: Forward[] = []
  #forwardListeners = new Set<() => void>()
  #contextListeners = new Set<() => void>()
  #drop: (() => void) | undefined
  /** Of the built-in cluster. */
  #protected: { unlockedUntil?: number } | undefined

  constructor(options: FakeOptions = {}) {
    this.#options = options
    this.cluster = fakeWorld(options)
    options.more?.(this.cluster)
    this.#settings = {
      theme: options.theme ?? 'system',
      welcomed: options.welcomed ?? true,
      namespaces: {},
      protected: [],
    }
  }

  /** Says that the built-in cluster's connection is like this from now on. */
  connection(state: ConnectionState): void {
    this.#options.connection = state
    for (const tell of this.#contextListeners) tell()
  }

  drop(): void {
    this.#drop?.()
  }

  readonly connect: Connect = async () => {
    const frames = new Set<(frame: Frame) => void>()
    const closes = new Set<() => void>()
    const streams = new Map<number, { up?: ((value: unknown) => void) | undefined; close(): void }>()
    let open = true
    const say = (frame: Frame): void => {
      if (open) for (const callback of frames) callback(structuredClone(frame))
    }
    const close = (): void => {
      if (!open) return
      open = false
      for (const stream of streams.values()) stream.close()
      for (const callback of closes) callback()
    }
    this.#drop = close
    const port: FramePort = {
      send: (frame) => void this.#receive(structuredClone(frame), say, streams),
      onFrame: (callback) => void frames.add(callback),
      onClose: (callback) => void closes.add(callback),
      close,
    }
    return await Promise.resolve(port)
  }

  async #receive(
    frame: Frame,
    say: (frame: Frame) => void,
    streams: Map<number, { up?: ((value: unknown) => void) | undefined; close(): void }>,
  ): Promise<void> {
    // Never within the call that asked: neither does a port.
    await (this.#options.delay ? new Promise((resolve) => setTimeout(resolve, this.#options.delay)) : Promise.resolve())
    if (frame.t === 'request') {
      this.calls.push({ method: frame.method, params: frame.params as Record<string, unknown> })
      try {
        const refusal = this.refuse.get(frame.method)
        if (refusal) throw refusal
        const value = this.#options.answers?.[frame.method] ?? this.#request(frame.method, frame.params as never)
        say({ t: 'result', id: frame.id, value })
      } catch (error) {
        const { code = 500, reason = 'Internal', message, cure } = error as Refusal
        say({ t: 'error', id: frame.id, error: { code, reason, message, ...(cure ? { cure } : {}) } })
      }
    } else if (frame.t === 'open') {
      this.calls.push({ method: frame.method, params: frame.params as Record<string, unknown> })
      const { id } = frame
      const tell = (value: unknown): void => say({ t: 'message', id, value })
      const speak = this.#options.streams?.[frame.method]
      if (speak) {
        streams.set(id, { close: () => void this.calls.push({ method: `close ${frame.method}`, params: {} }) })
        speak(tell, () => say({ t: 'close', id }))
      } else streams.set(id, this.#open(frame.method, frame.params as never, tell))
    } else if (frame.t === 'message') {
      streams.get(frame.id)?.up?.(frame.value)
    } else if (frame.t === 'close') {
      streams.get(frame.id)?.close()
      streams.delete(frame.id)
    }
  }

  #object(ref: Ref): FakeObject {
    const found = this.cluster.find(kindId(ref.resource), ref.namespace, ref.name)
    if (!found) throw new Refusal(404, 'NotFound', `${kindId(ref.resource)} "${ref.name}" not found`)
    return found
  }

  #change(ref: Ref, change: (object: FakeObject) => FakeObject): void {
    const kind = kindId(ref.resource)
    const { uid } = this.#object(ref).metadata
    this.cluster.change(kind, uid, change)
    if (kind === 'deployments.apps') reconcile(this.cluster, this.cluster.all(kind).get(uid)!, this.#options.speed)
  }

  #request(method: string, params: Ref & Record<string, unknown>): unknown {
    switch (method) {
      case 'settings.get':
        return this.#settings
      case 'settings.set':
        return (this.#settings = { ...this.#settings, ...(params as unknown as Settings) })
      case 'contexts.connect':
        return { version: 'v1.36.2+wheelhouse' }
      case 'contexts.resources':
        return [
          ...presumedKinds,
          {
            group: 'example.com',
            version: 'v1',
            plural: 'widgets',
            singular: 'widget',
            kind: 'Widget',
            namespaced: true,
            shortNames: ['wd'],
            categories: [],
            verbs: ['list', 'watch', 'get'],
          },
          ...(this.#options.kinds ?? []).map((kind) => ({
            ...kind,
            singular: kind.kind.toLowerCase(),
            shortNames: [],
            categories: [],
            verbs: ['list', 'get'],
          })),
        ]
      case 'contexts.protect':
        this.#protected = params['on'] ? {} : undefined
        for (const tell of this.#contextListeners) tell()
        return undefined
      case 'contexts.unlock':
        this.#protected = params['typed'] === undefined ? {} : { unlockedUntil: Date.now() + 900_000 }
        for (const tell of this.#contextListeners) tell()
        return undefined
      case 'object.get':
        return this.#object(params)
      case 'object.yaml':
        return { yaml: toYaml(this.#object(params)), resourceVersion: this.#object(params).metadata.resourceVersion }
      case 'object.apply':
        return fakeApply(this.cluster, params as never, (deployment) =>
          reconcile(this.cluster, deployment, this.#options.speed),
        )
      case 'object.delete':
        return this.cluster.delete(kindId(params.resource), this.#object(params).metadata.uid)
      case 'object.patch':
        return this.#change(params, (object) => ({
          ...object,
          spec: { ...(object['spec'] as object), ...(params['body'] as { spec: object }).spec },
        }))
      case 'workload.scale':
        return this.#change(params, (object) => ({
          ...object,
          spec: { ...(object['spec'] as object), replicas: params['replicas'] },
        }))
      case 'workload.pause':
        return this.#change(params, (object) => ({
          ...object,
          spec: { ...(object['spec'] as object), paused: params['paused'] },
        }))
      case 'workload.setImage':
        return this.#change(params, (object) => {
          const image = String(params['image'])
          return JSON.parse(
            JSON.stringify(object).replaceAll(/"image":"[^"]*"/g, `"image":${JSON.stringify(image)}`),
          ) as FakeObject
        })
      case 'workload.revisions':
        return this.#revisions(params)
      case 'samples.list':
        return [
          {
            name: 'hello',
            title: 'Hello',
            description: 'Settings, five replicas with probes and limits, and a load-balanced entry.',
            yaml: sampleYaml,
          },
        ]
      case 'schema.editor':
        return { uri: 'fake', schema: { type: 'object' }, kinds: [] }
      case 'forwards.open':
        return this.#forward(params as never)
      case 'forwards.close':
        this.#forwards = this.#forwards.filter(({ id }) => id !== params['id'])
        for (const tell of this.#forwardListeners) tell()
        return undefined
      default:
        return undefined
    }
  }

  #revisions(ref: Ref): unknown {
    const deployment = this.#object(ref)
    return [...this.cluster.all('replicasets.apps').values()]
      .filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === deployment.metadata.uid)
      .map((set) => {
        const { template, replicas } = set['spec'] as {
          template: { spec: { containers: { image: string }[] } }
          replicas: number
        }
        const revision = Number(set.metadata.annotations?.['deployment.kubernetes.io/revision'])
        const current = String(revision) === deployment.metadata.annotations?.['deployment.kubernetes.io/revision']
        return {
          revision,
          name: set.metadata.name,
          created: Date.parse(set.metadata.creationTimestamp ?? ''),
          replicas,
          current,
          images: template.spec.containers.map(({ image }) => image),
          template: toYaml(template),
        }
      })
      .sort((a, b) => b.revision - a.revision)
  }

  #forward(params: {
    context: string
    namespace: string
    target: string
    remotePort: number
    localPort?: number
  }): Forward {
    const localPort = params.localPort ?? 40_000 + this.#forwards.length
    const forward: Forward = {
      ...params,
      localPort,
      id: `forward-${localPort}`,
      url: `http://127.0.0.1:${localPort}/`,
      state: 'listening',
    }
    this.#forwards = [...this.#forwards, forward]
    for (const tell of this.#forwardListeners) tell()
    return forward
  }

  #contexts(): unknown {
    const { connection = { state: 'live', version: 'v1.36.2+wheelhouse' } } = this.#options
    const kubeconfig = '/home/me/.kube/config'
    const builtin = {
      id: 'builtin',
      name: 'wheelhouse',
      source: 'built-in',
      server: 'https://127.0.0.1:6443',
      builtin: true,
      connection,
      ...(this.#protected ? { protection: this.#protected } : {}),
    }
    const other = (id: string, name: string, state: ConnectionState) => ({
      id,
      name,
      source: kubeconfig,
      server: `https://${id}.example:6443`,
      builtin: false,
      connection: state,
    })
    const failed: ConnectionState = { state: 'failed', message: 'The server does not answer.', cure: 'Check the VPN.' }
    return {
      contexts: [
        builtin,
        other('staging', 'staging-eu', { state: 'idle' }),
        other('prod', 'production-eu-west-1', failed),
      ],
    }
  }

  #open(
    method: string,
    params: never,
    say: (value: unknown) => void,
  ): { up?: ((value: unknown) => void) | undefined; close(): void } {
    const { builtin = 'running' } = this.#options
    switch (method) {
      case 'contexts.watch': {
        const tell = (): void => say(this.#contexts())
        tell()
        this.#contextListeners.add(tell)
        return { close: () => void this.#contextListeners.delete(tell) }
      }
      case 'builtin.watch':
        say({
          state: builtin,
          dataDirectory: '/home/me/.local/share/wheelhouse',
          kubeconfig: '/home/me/.local/share/wheelhouse/kubeconfig',
          server: 'https://127.0.0.1:6443',
          restarts: 0,
          ...(builtin === 'failed'
            ? { message: 'Port 6443 is in use.', cure: 'Stop the program that has it, or choose another with --port.' }
            : {}),
        })
        return { close: () => undefined }
      case 'forwards.watch': {
        const tell = (): void => say({ forwards: this.#forwards })
        tell()
        this.#forwardListeners.add(tell)
        return { close: () => void this.#forwardListeners.delete(tell) }
      }
      case 'query.open': {
        const asked = params as Parameters<typeof fakeQuery>[2]
        const query: FakeQuery = fakeQuery(
          this.cluster,
          kindId(asked.resource),
          asked,
          () => this.#options.freshness ?? { state: 'live' },
          say,
        )
        return { up: (change) => query.change(change as never), close: query.stop }
      }
      case 'object.watch':
        return this.#watch(params, say)
      case 'logs.open':
        return { close: fakeLogs(params, say) }
      case 'exec.open':
        return fakeShell(params, say)
      default:
        return { close: () => undefined }
    }
  }

  #watch(ref: Ref, say: (value: unknown) => void): { close(): void } {
    const kind = kindId(ref.resource)
    let there = false
    const tell = (): void => {
      const object = this.cluster.find(kind, ref.namespace, ref.name)
      if (object) say({ object })
      else if (there) say({ gone: true })
      there ||= object !== undefined
    }
    tell()
    return { close: this.cluster.onChange(kind, tell) }
  }
}
