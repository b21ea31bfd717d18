import { describe, expect, it } from 'vitest'
import { container, pod } from '../testing/builders.ts'
import type { Container, Pod } from '../types.ts'
import { securityOf } from './security.ts'

const image = { id: 'sha256:1', tags: [], sizeBytes: 1 }
type Context = NonNullable<NonNullable<Pod['spec']>['securityContext']>
const of = (own: NonNullable<Container['securityContext']>, shared: Context = {}, ran: object = {}) =>
  securityOf(
    pod({ spec: { securityContext: shared } }),
    container({ securityContext: own }),
    { ...image, ...ran },
    '/node/seccomp',
  )

describe('the security of a container', () => {
  it('is what it says itself, else what its pod says', () => {
    expect(of({ runAsUser: 5 }, { runAsUser: 1, runAsGroup: 2 })).toEqual({ runAsUser: 5, runAsGroup: 2 })
    expect(of({ readOnlyRootFilesystem: true, privileged: true })).toEqual({
      readOnlyRootFilesystem: true,
      privileged: true,
    })
    expect(of({})).toEqual({})
  })

  it('has the groups of the pod, that of its volumes among them', () => {
    expect(of({}, { supplementalGroups: [7, 8], fsGroup: 9 })).toEqual({ supplementalGroups: [7, 8, 9] })
    expect(of({}, { supplementalGroupsPolicy: 'Strict' } as Context)).toEqual({ supplementalGroupsPolicy: 'Strict' })
  })

  it('knows capabilities by either spelling, and forbids new privileges only when told to', () => {
    expect(of({ capabilities: { drop: ['ALL'], add: ['CAP_NET_BIND_SERVICE'] } }).capabilities).toEqual({
      add: ['NET_BIND_SERVICE'],
      drop: ['ALL'],
    })
    expect(of({ allowPrivilegeEscalation: false })).toEqual({ noNewPrivileges: true })
    expect(of({ allowPrivilegeEscalation: true })).toEqual({})
  })

  it('has the seccomp profile that it names, files below the directory of the node', () => {
    const file = { type: 'Localhost' as const, localhostProfile: 'team/strict.json' }
    expect(of({ seccompProfile: file }, { seccompProfile: { type: 'RuntimeDefault' } })).toEqual({
      seccomp: { file: '/node/seccomp/team/strict.json' },
    })
    expect(of({}, { seccompProfile: { type: 'RuntimeDefault' } })).toEqual({ seccomp: 'RuntimeDefault' })
    expect(of({ seccompProfile: { type: 'Unconfined' } }, { seccompProfile: file })).toEqual({})
  })

  it('does not let root in where it must not be, in upstream words', () => {
    const where = '(pod: "web-1_shop(uid-1)", container: web)'
    const strict = { runAsNonRoot: true }
    expect(() => of({}, { ...strict, runAsUser: 0 })).toThrow(`container's runAsUser breaks non-root policy ${where}`)
    expect(() => of(strict)).toThrow(`container has runAsNonRoot and image will run as root ${where}`)
    expect(() => of(strict, {}, { username: 'nginx' })).toThrow(
      `container has runAsNonRoot and image has non-numeric user (nginx), cannot verify user is non-root ${where}`,
    )
    expect(of(strict, { runAsUser: 3 }, { username: 'nginx' })).toEqual({ runAsUser: 3 })
    expect(of(strict, {}, { user: 1000 })).toEqual({})
  })
})
