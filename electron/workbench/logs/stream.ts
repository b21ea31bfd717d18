import type { Pod } from 'kubernetes-types/core/v1'
import type { z } from 'zod'
import type { LogLine, LogMessage, terminalStreams } from '#shared/ipc/terminals.ts'
import { isNotFound, StatusError } from '#shared/kube/status.ts'
import { pods, resourcePath } from '#shared/kube/resources.ts'
import type { Outlet, StreamHandlers } from '../channel/server.ts'
import type { Contexts } from '../connections/contexts.ts'
import { backOff, pause } from '../pause.ts'
import { Batches } from './batches.ts'
import { containerState } from './container-state.ts'
import { LogLines } from './log-lines.ts'

type Params = z.output<(typeof terminalStreams)['logs.open']['params']>

/** A stream that ends sooner is not opened anew at once. */
const quick = 1000

/** One container's log. A reader that lags is fed more slowly, never short. */
export function logStreams(
  contexts: Contexts,
  retry: (failures: number) => number = backOff,
): Pick<StreamHandlers, 'logs.open'> {
  return { 'logs.open': (params, outlet) => new LogStream(contexts, params, outlet, retry).run() }
}

class LogStream {
  #contexts: Contexts
  #params: Params
  #outlet: Outlet<LogMessage, never>
  #retry: (failures: number) => number
  #batches: Batches
  /** Time of the last line, and how many lines had it: where a broken stream is taken up. */
  #last = { time: '', count: 0 }
  #note = ''
  #opened = false

  constructor(
    contexts: Contexts,
    params: Params,
    outlet: Outlet<LogMessage, never>,
    retry: (failures: number) => number,
  ) {
    this.#contexts = contexts
    this.#params = params
    this.#outlet = outlet
    this.#retry = retry
    this.#batches = new Batches(outlet)
  }

  /** Reads the log once, or follows the container over its restarts and lost connections until the pod is gone or done. */
  async run(): Promise<void> {
    const { follow, previous } = this.#params
    if (!follow || previous) return await this.#read(new URLSearchParams(this.#wish()))
    const { signal } = this.#outlet
    /** The run that is shown, and the one whose log was read to its end. */
    let run: string | undefined
    let ended: string | undefined
    let failures = 0
    while (!signal.aborted) {
      const began = performance.now()
      try {
        const now = containerState(await this.#pod(), this.#params.container)
        if (run !== undefined && now.run !== run) {
          this.#say(`The container restarted (${now.word}).`)
          this.#last = { time: '', count: 0 }
        }
        if (now.state === 'waiting') this.#say(`Waiting for the container to start: ${now.word}.`)
        else if (now.state === 'running' || ended !== now.run) {
          const resumed = run === now.run && this.#last.time !== ''
          run = now.run
          await this.#read(
            new URLSearchParams({
              ...(this.#opened ? {} : this.#wish()),
              follow: 'true',
              ...(resumed ? { sinceTime: this.#last.time } : {}),
            }),
            resumed,
          )
          this.#note = ''
          if (now.state === 'stopped') ended = now.run
        } else {
          this.#say(`The container has stopped: ${now.word}.`)
          if (now.over) return this.#say('The pod is done.')
        }
        failures = performance.now() - began > quick ? 0 : Math.min(failures + 1, 3)
      } catch (error) {
        if (signal.aborted) return
        if (isNotFound(error)) return this.#say(run === undefined ? 'There is no such pod.' : 'The pod is gone.')
        // Between the look at the pod and the request the container may have stopped, or not have started yet.
        const unready = error instanceof StatusError && error.code === 400 && failures < 3
        const passing = this.#opened && !(error instanceof StatusError && error.code < 500)
        if (!unready && !passing) throw error
        failures++
        if (passing && !(await this.#answers())) this.#say('The connection is lost; the log goes on once it is back.')
      }
      await pause(this.#retry(failures), signal)
    }
  }

  /** A stream that merely broke is taken up without a word. */
  async #answers(): Promise<boolean> {
    try {
      await this.#pod()
      return true
    } catch (error) {
      return error instanceof StatusError
    }
  }

  #wish(): Record<string, string> {
    const { previous, tailLines, sinceSeconds } = this.#params
    return {
      ...(previous ? { previous: 'true' } : {}),
      ...(tailLines === undefined ? {} : { tailLines: String(tailLines) }),
      ...(sinceSeconds === undefined ? {} : { sinceSeconds: String(sinceSeconds) }),
    }
  }

  async #pod(): Promise<Pod> {
    const { context, namespace, pod } = this.#params
    return (
      await this.#contexts
        .connection(context)
        .json<Pod>(resourcePath(pods, { namespace, name: pod }), { signal: this.#outlet.signal })
    ).value
  }

  async #read(query: URLSearchParams, resumed = false): Promise<void> {
    const { context, namespace, pod, container } = this.#params
    const { signal } = this.#outlet
    query.set('timestamps', 'true')
    if (container) query.set('container', container)
    const connection = this.#contexts.connection(context)
    const path = `${resourcePath(pods, { namespace, name: pod, subresource: 'log' })}?${query}`
    // A container that says nothing keeps even the head of the answer back.
    const response = await connection.open(path, { signal, accept: '*/*', patience: Infinity })
    this.#opened = true
    const lines = new LogLines(pod, container ?? '')
    // `sinceTime` has whole seconds: what was shown of the last one comes again.
    const known = resumed ? { ...this.#last } : undefined
    try {
      for await (const chunk of connection.body(response, { signal }))
        await this.#batches.push(this.#fresh(lines.feed(chunk), known))
    } finally {
      await this.#batches.push(this.#fresh(lines.flush(), known))
      this.#batches.flush()
    }
  }

  /** The lines after those that are known already. */
  #fresh(lines: LogLine[], known: { time: string; count: number } | undefined): LogLine[] {
    const fresh: LogLine[] = []
    for (const line of lines) {
      if (known && line.time !== '' && sortable(line.time) < sortable(known.time)) continue
      if (known && line.time === known.time && known.count-- > 0) continue
      if (line.time === this.#last.time) this.#last.count++
      else this.#last = { time: line.time, count: 1 }
      fresh.push(line)
    }
    return fresh
  }

  /** Says a thing once. */
  #say(note: string): void {
    if (note === this.#note) return
    this.#note = note
    this.#outlet.send({ note })
  }
}

/** Fractions of a second at their full width, so that times compare as texts. */
const sortable = (time: string): string =>
  time.replace(
    /(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/,
    (_all, fraction: string = '', zone: string) => `.${fraction.padEnd(9, '0')}${zone}`,
  )
