import type { Clock } from '../../base/clock.ts'
import type { ImageStatus, PullProgress, Runtime } from '../../runtime/api.ts'
import { abortable } from '../abortable.ts'
import { StartError } from '../containers/start-error.ts'
import { withDefaultTag } from '#shared/kube/image-name.ts'
import { KeyedBackoff } from '../../base/keyed-backoff.ts'
import type { PodEvents } from '../pods/pod-events.ts'
import type { ReferencedObjects } from '../references/referenced-objects.ts'
import { uidOf, type Container, type Pod, type Secret } from '../types.ts'
import { loginsFor, type Login } from './credentials.ts'
import { progressTeller } from './progress.ts'
import type { PullRecords } from './pull-records.ts'

export interface ImageManagerDeps {
  runtime: Runtime
  clock: Clock
  events: PodEvents
  references: ReferencedObjects
  records: PullRecords
}

/** Sees to it that a container's image is there, with upstream's back-off, events and reasons. */
export class ImageManager {
  readonly #deps: ImageManagerDeps
  readonly #backoff: KeyedBackoff
  /** Why the last pull failed, by back-off key. */
  readonly #failures = new Map<string, string>()

  constructor(deps: ImageManagerDeps) {
    this.#deps = deps
    this.#backoff = new KeyedBackoff(deps.clock)
  }

  /** Rejects with StartError. */
  async ensure(pod: Pod, container: Container, signal: AbortSignal): Promise<ImageStatus> {
    const { runtime, events } = this.#deps
    const { name } = container
    const shown = JSON.stringify(container.image ?? '')
    const image = withDefaultTag(container.image ?? '')
    if (!image) {
      const message = `Failed to apply default image tag ${shown}: couldn't parse image name ${shown}: invalid reference format`
      events.container(pod, name, 'Warning', 'InspectFailed', message)
      throw new StartError('InvalidImageName', message)
    }
    const policy = container.imagePullPolicy ?? 'IfNotPresent'
    const present = policy === 'Always' ? undefined : await runtime.images.status(image)
    if (present && (await this.#mayHave(pod, image, present.id))) {
      const message = `Container image ${shown} already present on machine and can be accessed by the pod`
      events.container(pod, name, 'Normal', 'Pulled', message)
      return present
    }
    // Nobody learns that an image is there which is not for them.
    if (policy === 'Never') {
      const message = `Container image ${shown} is not present with pull policy of Never`
      events.container(pod, name, 'Warning', 'ErrImageNeverPull', message)
      throw new StartError('ErrImageNeverPull', message)
    }
    return this.#pull(pod, container, image, shown, signal)
  }

  /** Milliseconds until the image of a container may be pulled again. */
  remaining(pod: Pod, image: string): number {
    return this.#backoff.remainingSinceUpdate(keyOf(pod, withDefaultTag(image) ?? image))
  }

  forget(podUid: string): void {
    this.#backoff.forget(`${podUid}_`)
    for (const key of this.#failures.keys()) if (key.startsWith(`${podUid}_`)) this.#failures.delete(key)
  }

  async #pull(pod: Pod, { name }: Container, image: string, shown: string, signal: AbortSignal): Promise<ImageStatus> {
    const { clock, events } = this.#deps
    const key = keyOf(pod, image)
    if (this.#backoff.remainingSinceUpdate(key)) {
      const message = `Back-off pulling image ${shown}`
      events.container(pod, name, 'Normal', 'BackOff', message)
      const before = this.#failures.get(key)
      throw new StartError('ImagePullBackOff', before ? `${message}: ${before}` : message)
    }
    const pulling = `Pulling image ${shown}`
    events.container(pod, name, 'Normal', 'Pulling', pulling)
    const started = clock.monotonic()
    const onProgress = progressTeller(clock, (progress) =>
      events.container(pod, name, 'Normal', 'Pulling', `${pulling}: ${progress}`),
    )
    try {
      const pulled = await this.#pullWith(await this.#logins(pod, image), image, signal, onProgress)
      const took = goDuration(clock.monotonic() - started)
      const message = `Successfully pulled image ${shown} in ${took} (${took} including waiting). Image size: ${pulled.sizeBytes} bytes.`
      events.container(pod, name, 'Normal', 'Pulled', message)
      return pulled
    } catch (error) {
      if (signal.aborted) throw error
      const { message } = error as Error
      events.container(pod, name, 'Warning', 'Failed', `Failed to pull image ${shown}: ${message}`)
      this.#backoff.next(key, clock.now())
      this.#failures.set(key, `ErrImagePull: ${message}`)
      throw new StartError('ErrImagePull', message, { cause: error })
    }
  }

  /** With one login after the other, the closest first; without any where there is none. */
  async #pullWith(
    logins: readonly Login[],
    image: string,
    signal: AbortSignal,
    onProgress: (progress: PullProgress) => void,
  ): Promise<ImageStatus> {
    const { runtime, records } = this.#deps
    const errors: Error[] = []
    records.starting(image)
    for (const login of logins.length ? logins : [undefined]) {
      const auth = login && { username: login.username, password: login.password }
      try {
        const pulled = await abortable(runtime.images.pull(image, auth, signal, onProgress), signal)
        records.pulled(image, pulled.id, login)
        return pulled
      } catch (error) {
        if (signal.aborted) {
          records.failed(image)
          throw error
        }
        errors.push(error as Error)
      }
    }
    records.failed(image)
    const said = [...new Set(errors.map(({ message }) => message))]
    throw new Error(said.length === 1 ? said[0] : `[${said.join(', ')}]`, { cause: errors[0] })
  }

  /** What lies on the node because of another pod's secret is not for everybody. */
  async #mayHave(pod: Pod, image: string, id: string): Promise<boolean> {
    const { records } = this.#deps
    return !records.isPrivate(image, id) || !records.mustPull(image, id, await this.#logins(pod, image))
  }

  async #logins(pod: Pod, image: string): Promise<Login[]> {
    const namespace = pod.metadata?.namespace ?? ''
    const secrets: Secret[] = []
    for (const { name } of pod.spec?.imagePullSecrets ?? []) {
      const secret = name ? await this.#deps.references.secret(namespace, name).catch(() => undefined) : undefined
      if (secret) secrets.push(secret)
      else {
        const message = `Unable to retrieve some image pull secrets (${name}); attempting to pull the image may not succeed.`
        this.#deps.events.pod(pod, 'Warning', 'FailedToRetrieveImagePullSecret', message)
      }
    }
    return loginsFor(image, secrets)
  }
}

const keyOf = (pod: Pod, image: string): string => `${uidOf(pod)}_${image}`

/** As Go prints a duration cut to milliseconds. */
export function goDuration(ms: number): string {
  const whole = Math.floor(ms)
  if (whole < 1000) return whole ? `${whole}ms` : '0s'
  const minutes = Math.floor(whole / 60_000)
  const seconds = `${Number(((whole % 60_000) / 1000).toFixed(3))}s`
  const hours = Math.floor(minutes / 60)
  if (!minutes) return seconds
  return hours ? `${hours}h${minutes % 60}m${seconds}` : `${minutes}m${seconds}`
}
