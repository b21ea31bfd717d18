import { expect, it } from 'vitest'
import type { ContainerConfig } from '../api.ts'
import { containerRequest } from './container-request.ts'

const request = (changes: Partial<ContainerConfig>) =>
  containerRequest(
    {
      name: 'c',
      attempt: 0,
      image: 'i',
      env: [],
      mounts: [],
      labels: {},
      tty: false,
      stdin: false,
      stdinOnce: false,
      logPath: '0.log',
      ...changes,
    },
    {
      node: 'n',
      sandbox: {
        name: 'p',
        namespace: 'd',
        uid: 'u',
        attempt: 0,
        hostname: 'p',
        labels: {},
        logDirectory: '/logs',
        dns: { servers: [], searches: [], options: [] },
        hostAliases: [],
        hostNetwork: false,
        sharePid: false,
        portMappings: [],
      },
      image: { id: 'sha256:1', tags: [], sizeBytes: 1 },
      hostsFile: '/hosts',
    },
  ).linux.security_context

it('passes on which system calls a container may make, and nothing of that for a privileged one', () => {
  expect(request({}).seccomp).toEqual({ profile_type: 1 })
  expect(request({ seccomp: 'RuntimeDefault' }).seccomp).toEqual({ profile_type: 0 })
  expect(request({ seccomp: { file: '/node/strict.json' } }).seccomp).toEqual({
    profile_type: 2,
    localhost_ref: '/node/strict.json',
  })
  expect(request({ seccomp: 'RuntimeDefault', privileged: true }).seccomp).toEqual({ profile_type: 1 })
})
