import { constants } from 'node:os'
import { ImagePullError } from '../../api.ts'
import { isDigest } from './digest.ts'
import { parseJson, type Platform } from './manifest.ts'

/** What an image says of how to run it. */
export interface ImageConfig {
  entrypoint: readonly string[]
  cmd: readonly string[]
  env: Readonly<Record<string, string>>
  workingDir: string
  /** As written: a name or number, with or without a group. Empty: root. */
  user: string
  stopSignal: string
  /** Absolute paths. */
  volumes: readonly string[]
  exposedPorts: readonly string[]
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : []
const text = (value: unknown): string => (typeof value === 'string' ? value : '')
const names = (value: unknown): string[] => (typeof value === 'object' && value !== null ? Object.keys(value) : [])

/** The configuration and the digests of the layers' content, the lowest first. Rejects what is for another platform. */
export function parseImageConfig(
  bytes: Buffer,
  { os, architecture }: Platform,
): { config: ImageConfig; diffIds: string[] } {
  const document = parseJson(bytes, 'image configuration')
  const platform = `${text(document.os) || os}/${text(document.architecture) || architecture}`
  if (platform !== `${os}/${architecture}`)
    throw new ImagePullError(`it is for ${platform}, and this machine is ${os}/${architecture}`)
  const diffIds = texts((document.rootfs as { diff_ids?: unknown } | undefined)?.diff_ids)
  if (!diffIds.every(isDigest)) throw new ImagePullError('the image configuration does not name its layers by digest')
  const config = (document.config ?? {}) as Record<string, unknown>
  return {
    diffIds,
    config: {
      entrypoint: texts(config.Entrypoint),
      cmd: texts(config.Cmd),
      env: Object.fromEntries(texts(config.Env).map(variable)),
      workingDir: text(config.WorkingDir) || '/',
      user: text(config.User),
      stopSignal: signalName(config.StopSignal),
      volumes: names(config.Volumes).filter((path) => path.startsWith('/') && path !== '/'),
      exposedPorts: names(config.ExposedPorts),
    },
  }
}

function variable(assignment: string): [string, string] {
  const equals = assignment.indexOf('=')
  return equals < 0 ? [assignment, ''] : [assignment.slice(0, equals), assignment.slice(equals + 1)]
}

/** `SIGQUIT`, `QUIT`, `3`; what this machine does not know is SIGTERM. */
function signalName(value: unknown): string {
  const given = text(value).toUpperCase()
  const name = given.startsWith('SIG') ? given : `SIG${given}`
  if (name in constants.signals) return name
  const byNumber = Object.entries(constants.signals).find(([, number]) => String(number) === given)
  return byNumber?.[0] ?? 'SIGTERM'
}
